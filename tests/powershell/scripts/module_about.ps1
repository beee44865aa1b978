# What the module says of itself: manifest, commands, help, completion.
$request = ConvertFrom-Json -InputObject ([System.IO.File]::ReadAllText($env:EFLOWPROV_TEST_REQUEST))
$manifest = Test-ModuleManifest -Path $request.module
Import-Module $request.module
$common = @([System.Management.Automation.PSCmdlet]::CommonParameters) + @([System.Management.Automation.PSCmdlet]::OptionalCommonParameters)

$commands = @(foreach ($command in Get-Command -Module EflowProv) {
    $help = Get-Help -Name $command.Name -Full
    $described = @{}
    foreach ($parameter in @($help.parameters.parameter)) {
        $described[[string]$parameter.name] = [string]($parameter.description | ForEach-Object { $_.Text })
    }
    [ordered]@{
        name = $command.Name
        synopsis = [string]$help.Synopsis
        description = [string]($help.description | ForEach-Object { $_.Text })
        examples = @($help.examples.example | ForEach-Object { [string]$_.code })
        undescribed = @($command.Parameters.Keys | Where-Object { $common -notcontains $_ -and -not $described[$_] })
    }
})
$line = 'Get-EflowProvReadiness -Expect '
$offered = [System.Management.Automation.CommandCompletion]::CompleteInput($line, $line.Length, $null).CompletionMatches
$result = [ordered]@{
    version = [string]$manifest.Version
    exported = @($manifest.ExportedFunctions.Keys | ForEach-Object { [string]$_ })
    commands = $commands
    completion = @($offered | ForEach-Object { $_.CompletionText })
}
[System.IO.File]::WriteAllText($env:EFLOWPROV_TEST_RESULT, (ConvertTo-Json -InputObject $result -Depth 6 -Compress))
