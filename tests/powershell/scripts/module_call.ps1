# Calls one cmdlet of the module with the parameters in a JSON file, and writes what came of it as a JSON file.
$request = ConvertFrom-Json -InputObject ([System.IO.File]::ReadAllText($env:EFLOWPROV_TEST_REQUEST))
Import-Module $request.module
if ($request.location) {
    Set-Location -LiteralPath $request.location
}
foreach ($variable in $request.environment.PSObject.Properties) {
    [System.Environment]::SetEnvironmentVariable($variable.Name, $variable.Value)
}
$splat = @{}
foreach ($property in $request.parameters.PSObject.Properties) {
    $splat[$property.Name] = $property.Value
}

$output = @()
$problems = @()
$terminating = $null
try {
    $output = @(& $request.command @splat -ErrorVariable problems)
}
catch {
    $terminating = [ordered]@{
        id = $_.FullyQualifiedErrorId
        category = [string]$_.CategoryInfo.Category
        message = $_.Exception.Message
        status = $_.Exception.Data['ExitStatus']
        target = [string]$_.TargetObject.Verdict
    }
    $problems = @()
}

$times = @(foreach ($object in $output) {
    foreach ($property in $object.PSObject.Properties) {
        if ($property.Value -is [datetime]) { $property.Name + ' ' + $property.Value.ToString('o') }
    }
})
$result = [ordered]@{
    output = $output
    types = @($output | ForEach-Object { $_.PSObject.TypeNames[0] })
    times = $times
    table = [string]($output | Out-String -Width 200)
    findings = [string]($output | ForEach-Object { $_.Findings } | Out-String -Width 200)
    errors = @($problems | ForEach-Object { $_.FullyQualifiedErrorId })
    statuses = @($problems | ForEach-Object { $_.Exception.Data['ExitStatus'] })
    targets = @($problems | ForEach-Object { [string]$_.TargetObject.Verdict })
    terminating = $terminating
}
[System.IO.File]::WriteAllText($env:EFLOWPROV_TEST_RESULT, (ConvertTo-Json -InputObject $result -Depth 6 -Compress))
