# Runs one cmdlet and tells what it wrote, record by record: a letter for the stream, then the text.
# o output, j output as JSON, h host, n host without a new line, w warning, v verbose, d debug, i information, e error
param($p)
Import-Module -Name (Get-Text $p.module) -DisableNameChecking
$command = Get-Command -Name $p.name
$arguments = @{}
foreach ($a in $p.arguments) {
  if ($a.optional -and -not $command.Parameters.ContainsKey($a.name)) { continue }
  if ($null -eq $a.text) { $arguments[$a.name] = $true } else { $arguments[$a.name] = Get-Text $a.text }
}
$records = [System.Collections.Generic.List[string]]::new()
$failure = $null
$ErrorActionPreference = 'Continue'
try {
  & $command @arguments *>&1 | ForEach-Object {
    $r = $_
    $type = 'null'
    if ($null -ne $r) { $type = $r.GetType().Name }
    switch ($type) {
      'null' { $records.Add('jnull') }
      'String' { $records.Add("o$r") }
      'WarningRecord' { $records.Add("w$r") }
      'VerboseRecord' { $records.Add("v$r") }
      'DebugRecord' { $records.Add("d$r") }
      'ErrorRecord' { $records.Add("e$r") }
      'InformationRecord' {
        $letter = 'i'
        if ($r.Tags -contains 'PSHOST') { $letter = 'h' }
        if ($r.MessageData.NoNewLine) { $letter = 'n' }
        $records.Add("$letter$r")
      }
      default {
        try {
          $json = ConvertTo-Json -InputObject $r -Depth 5 -Compress -WarningAction SilentlyContinue -ErrorAction Stop
          $records.Add("j$json")
        } catch { $records.Add("o$r") }
      }
    }
  }
} catch {
  $failure = @{
    message = "$($_.Exception.Message)"; id = "$($_.FullyQualifiedErrorId)"; category = "$($_.CategoryInfo.Category)"; elevated = $null
  }
  try {
    $user = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
    $failure.elevated = $user.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
  } catch { $failure.elevated = $null }
}
@{ records = $records; failure = $failure }
