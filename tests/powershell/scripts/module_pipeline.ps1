# Issues an identity and provisions with it, over the pipeline.
$request = ConvertFrom-Json -InputObject ([System.IO.File]::ReadAllText($env:EFLOWPROV_TEST_REQUEST))
Import-Module $request.module
$output = @($request.ids | New-EflowProvIdentity -Ca $request.ca -Out $request.out | Invoke-EflowProvisioning -ScopeId 0ne00112233 -Confirm:$false)
$result = [ordered]@{ verdicts = @($output | ForEach-Object { $_.Verdict }) }
[System.IO.File]::WriteAllText($env:EFLOWPROV_TEST_RESULT, (ConvertTo-Json -InputObject $result -Compress))
