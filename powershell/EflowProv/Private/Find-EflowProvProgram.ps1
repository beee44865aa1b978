function Find-EflowProvProgram {
    # The program to call: what EFLOWPROV_PROGRAM names, else the installed one, else eflowprov on PATH.
    [CmdletBinding()]
    [OutputType([string])]
    param()

    if ($env:EFLOWPROV_PROGRAM -match '\.(cmd|bat)$') {
        throw (ConvertTo-EflowProvError -ExitStatus 2 -Message 'EFLOWPROV_PROGRAM: a batch file takes arguments by rules of its own. Name an .exe.')
    }
    if ($env:EFLOWPROV_PROGRAM) {
        return $env:EFLOWPROV_PROGRAM
    }
    $venv = Get-EflowProvVenv
    if (Test-Path -LiteralPath $venv.Program -PathType Leaf) {
        return $venv.Program
    }
    $name = Split-Path -Path $venv.Program -Leaf
    $found = @(Get-Command -Name $name -CommandType Application -ErrorAction SilentlyContinue)
    if ($found.Count -gt 0) {
        return $found[0].Path
    }
    $message = "eflowprov: it is neither in $($venv.Folder) nor on PATH. Run Install-EflowProv."
    throw (ConvertTo-EflowProvError -ExitStatus 3 -ErrorId 'EflowProv.NotInstalled' -Message $message)
}
