# A stand-in for Microsoft's AzureEFLOW module, for eflowprov's lab: the same names and parameters, no virtual machine.
# Each cmdlet asks the running lab, through the Python program that EFLOWPROV_LAB_PYTHON names, and repeats its records.

function Invoke-LabCmdlet([string]$Name, $Bound) {
  $given = @{}
  foreach ($key in $Bound.Keys) {
    if ($Bound[$key] -is [switch]) { $given[$key] = [bool]$Bound[$key] } else { $given[$key] = [string]$Bound[$key] }
  }
  $json = ConvertTo-Json -InputObject $given -Compress
  $start = New-Object System.Diagnostics.ProcessStartInfo
  $start.FileName = $env:EFLOWPROV_LAB_PYTHON
  $start.Arguments = '-m eflowprov.lab.cmdlets ' + $Name
  $start.UseShellExecute = $false
  $start.CreateNoWindow = $true
  $start.RedirectStandardInput = $true
  $start.RedirectStandardOutput = $true
  $start.RedirectStandardError = $true
  $process = [System.Diagnostics.Process]::Start($start)
  $process.StandardInput.WriteLine([Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($json)))
  $process.StandardInput.Close()
  $out = $process.StandardOutput.ReadToEndAsync()
  $err = $process.StandardError.ReadToEndAsync()
  $process.WaitForExit()
  if ($process.ExitCode -ne 0) { throw "the lab's stand-in ended with $($process.ExitCode): $($err.Result)" }
  $answer = $out.Result | ConvertFrom-Json
  foreach ($record in $answer.records) {
    $text = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($record.text))
    switch ($record.stream) {
      'host' { Write-Host $text }
      'warning' { Write-Warning $text }
      'error' { Write-Error $text }
      'object' { $text | ConvertFrom-Json }
      'throw' { throw $text }
      default { $text }
    }
  }
}

function Get-EflowVm {
  [CmdletBinding()]
  param()
  Invoke-LabCmdlet 'Get-EflowVm' $PSBoundParameters
}

function Get-EflowVmAddr {
  [CmdletBinding()]
  param()
  Invoke-LabCmdlet 'Get-EflowVmAddr' $PSBoundParameters
}

function Get-EflowVmName {
  [CmdletBinding()]
  param()
  Invoke-LabCmdlet 'Get-EflowVmName' $PSBoundParameters
}

function Verify-EflowVm {
  [CmdletBinding()]
  param()
  Invoke-LabCmdlet 'Verify-EflowVm' $PSBoundParameters
}

function Invoke-EflowVmCommand {
  [CmdletBinding()]
  param([string]$command, [switch]$ignoreError)
  Invoke-LabCmdlet 'Invoke-EflowVmCommand' $PSBoundParameters
}

function Provision-EflowVm {
  [CmdletBinding()]
  param(
    [ValidateSet('ManualConnectionString', 'ManualX509', 'DpsTPM', 'DpsX509', 'DpsSymmetricKey')][string]$provisioningType,
    [string]$devConnString,
    [string]$iotHubHostname,
    [string]$deviceId,
    [string]$scopeId,
    [string]$registrationId,
    [string]$symmKey,
    [string]$identityCertPath,
    [string]$identityPrivKeyPath,
    [string]$globalEndpoint,
    [switch]$headless
  )
  Invoke-LabCmdlet 'Provision-EflowVm' $PSBoundParameters
}

Export-ModuleMember -Function '*-Eflow*'
