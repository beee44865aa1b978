# Tells a cmdlet's own parameter names, and its module's version.
param($p)
Import-Module -Name (Get-Text $p.module) -DisableNameChecking
$command = Get-Command -Name $p.name
@{ parameters = @($command.Parameters.Keys); version = "$($command.Version)" }
