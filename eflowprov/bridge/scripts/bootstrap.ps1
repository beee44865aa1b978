# eflowprov's bridge: one request line on standard input, one answer line on standard output.
$ProgressPreference = 'SilentlyContinue'
$eflowprovRequest = @($input) -join "`n"
& {
  # Texts travel as base64 of UTF-8; the scripts use this too.
  function Get-Text([string]$base64) { [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($base64)) }
  $request = $eflowprovRequest | ConvertFrom-Json
  $mode = "$($ExecutionContext.SessionState.LanguageMode)"
  if ($mode -ne 'FullLanguage') {
    # No method may be called here, so this answer is plain text.
    "##$($request.nonce):!$($mode):##"
  } else {
    $ErrorActionPreference = 'Stop'
    $answer = [ordered]@{ ok = $true; data = $null; error = $null }
    try {
      $params = Get-Text $request.params | ConvertFrom-Json
      $answer.data = & ([scriptblock]::Create((Get-Text $request.script))) $params
    } catch {
      $answer.ok = $false
      $answer.error = [ordered]@{
        message = "$($_.Exception.Message)"; id = "$($_.FullyQualifiedErrorId)"; category = "$($_.CategoryInfo.Category)"
      }
    }
    $json = ConvertTo-Json -InputObject $answer -Depth 8 -Compress
    $base64 = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($json))
    [Console]::Out.Write("`n" + '##' + $request.nonce + ':' + $base64 + ":##`n")
  }
}
