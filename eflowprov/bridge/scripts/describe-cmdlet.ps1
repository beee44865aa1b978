# Tells a cmdlet's own parameter names, and its module's version.
param($p)
function Get-Text([string]$base64) { [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($base64)) }
Import-Module -Name (Get-Text $p.module) -DisableNameChecking
$command = Get-Command -Name $p.name
@{ parameters = @($command.Parameters.Keys); version = "$($command.Version)" }
