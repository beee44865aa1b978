# Reads what the host tells about itself; changes nothing. Each topic fails alone and says why.
param($p)
$module = Get-Text $p.module
$facts = @{}
$problems = [System.Collections.Generic.List[string]]::new()
function Add-Fact([string]$topic, [scriptblock]$read) {
  try { & $read } catch { $problems.Add("${topic}: $($_.Exception.Message) [$($_.FullyQualifiedErrorId)]") }
}
Add-Fact 'PowerShell' {
  $facts['computer'] = [Environment]::MachineName
  $facts['powershell_version'] = "$($PSVersionTable.PSVersion)"
  $facts['powershell_edition'] = "$($PSVersionTable.PSEdition)"
  $facts['is_64_bit'] = [Environment]::Is64BitProcess
  $facts['language_mode'] = "$($ExecutionContext.SessionState.LanguageMode)"
  $facts['utc_now'] = [DateTime]::UtcNow.ToString('o')
  $facts['os_name'] = "$([Environment]::OSVersion.VersionString)"
}
Add-Fact 'elevation' {
  $user = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
  $facts['is_elevated'] = $user.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}
Add-Fact 'operating system' {
  $os = Get-CimInstance -ClassName Win32_OperatingSystem
  $facts['os_name'] = "$($os.Caption)"
  $facts['os_build'] = "$($os.BuildNumber)"
  $facts['free_memory_kib'] = "$($os.FreePhysicalMemory)"
}
Add-Fact 'hypervisor' { $facts['hypervisor_present'] = (Get-CimInstance -ClassName Win32_ComputerSystem).HypervisorPresent }
Add-Fact 'disk' { $facts['free_disk_bytes'] = "$((New-Object System.IO.DriveInfo $env:SystemDrive).AvailableFreeSpace)" }
Add-Fact 'execution policy' {
  $policies = @{}
  foreach ($entry in (Get-ExecutionPolicy -List)) { $policies["$($entry.Scope)"] = "$($entry.ExecutionPolicy)" }
  $facts['execution_policies'] = $policies
}
Add-Fact 'products' {
  $key = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall'
  $null = Get-Item -LiteralPath $key
  $facts['products'] = @(Get-ItemProperty -Path "$key\*" -ErrorAction SilentlyContinue |
    Where-Object { $_.DisplayName -like 'Azure IoT Edge*' } | ForEach-Object { "$($_.DisplayName) $($_.DisplayVersion)" })
}
Add-Fact 'wssdagent certificate' {
  # What nodectl logs in with (microsoft/moc, pkg/auth): JSON whose members are PEM texts in base64.
  $file = Join-Path $env:ProgramData 'Azure IoT Edge\protected\.wssd\cloudconfig'
  $config = [IO.File]::ReadAllText($file) | ConvertFrom-Json
  $facts['wssdagent_ends'] = @(foreach ($pem in (Get-Text $config.CloudCertificate), (Get-Text $config.ClientCertificate)) {
    $der = [Convert]::FromBase64String(($pem -split '-----')[2])
    [System.Security.Cryptography.X509Certificates.X509Certificate2]::new($der).NotAfter.ToUniversalTime().ToString('o')
  })
}
Add-Fact 'module signature' {
  $found = @(Get-Module -ListAvailable -Name $module)
  if ($found.Count -gt 0) {
    $facts['module_version'] = "$($found[0].Version)"
    $facts['module_signature'] = "$((Get-AuthenticodeSignature -LiteralPath $found[0].Path).Status)"
  }
}
Add-Fact 'module' {
  Import-Module -Name $module -DisableNameChecking
  $facts['module_imports'] = $true
}
if ($facts['module_imports']) {
  Add-Fact 'Verify-EflowVm' { $facts['vm_exists'] = "$(Verify-EflowVm)" }
  Add-Fact 'Get-EflowVm' { $facts['vm_power_state'] = "$((Get-EflowVm).VmPowerState)" }
  Add-Fact 'Get-EflowVmAddr' { $facts['vm_address'] = "$(Get-EflowVmAddr)" }
}
Add-Fact 'VM ID' {
  # On Server the VM is Hyper-V's own; on a client hcsdiag alone knows it, as wssdagent's.
  if (Get-Command -Name Get-VM -ErrorAction SilentlyContinue) {
    $facts['hyperv_vms'] = @(Get-VM | Where-Object { $_.Name -like '*EFLOW' } | ForEach-Object { "$($_.Id)" })
  }
  $hcsdiag = Join-Path $env:SystemRoot 'System32\hcsdiag.exe'
  if (Test-Path -LiteralPath $hcsdiag) { $facts['compute_systems'] = (& $hcsdiag list) -join "`n" }
}
$facts['problems'] = $problems
$facts
