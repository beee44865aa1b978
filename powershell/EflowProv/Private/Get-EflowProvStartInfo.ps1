function Get-EflowProvStartInfo {
    # How a program is started: whole arguments, three pipes in UTF-8, in PowerShell's own current folder.
    [CmdletBinding()]
    [OutputType([System.Diagnostics.ProcessStartInfo])]
    param(
        [string] $FilePath,
        [string[]] $ArgumentList
    )

    $start = New-Object System.Diagnostics.ProcessStartInfo
    $start.FileName = $FilePath
    $start.Arguments = ConvertTo-EflowProvCommandLine -ArgumentList $ArgumentList
    $start.WorkingDirectory = (Get-Location -PSProvider FileSystem).ProviderPath
    # The program stays on this console, so that Ctrl-C reaches it too and it can clean up (no CreateNoWindow).
    $start.UseShellExecute = $false
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = New-Object System.Text.UTF8Encoding $false
    $start.StandardErrorEncoding = New-Object System.Text.UTF8Encoding $false
    $start.EnvironmentVariables['PYTHONUTF8'] = '1'
    $start.EnvironmentVariables['NO_COLOR'] = '1'
    $start
}
