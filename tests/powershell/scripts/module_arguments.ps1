# Runs the tool through the module's own door with the arguments in a JSON file.
$request = ConvertFrom-Json -InputObject ([System.IO.File]::ReadAllText($env:EFLOWPROV_TEST_REQUEST))
$module = Import-Module $request.module -PassThru
$result = [ordered]@{ status = $null; messages = 0; output = 0; error = '' }
try {
    $answer = & $module { param($List) Invoke-EflowProvTool -ArgumentList $List } $request.list
    $result.status = $answer.ExitStatus
    $result.messages = ($answer.Messages -join '').Length
    $result.output = $answer.Output.Length
}
catch {
    $result.error = $_.FullyQualifiedErrorId
}
[System.IO.File]::WriteAllText($env:EFLOWPROV_TEST_RESULT, (ConvertTo-Json -InputObject $result -Compress))
