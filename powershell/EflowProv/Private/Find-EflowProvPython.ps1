function Find-EflowProvPython {
    # The real path of a Python that can run eflowprov: the one that was named, else the first one found. Throws
    # EflowProv.NoPython, saying what was seen and why it was not taken.
    [CmdletBinding()]
    [OutputType([string])]
    param(
        [string] $Path
    )

    $ErrorActionPreference = 'Stop'
    $names = @('python3', 'python')
    if ($env:OS -eq 'Windows_NT') {
        $names = @('py.exe', 'python.exe')
    }
    $candidates = @($Path)
    if (-not $Path) {
        $candidates = @(Get-Command -Name $names -CommandType Application -All -ErrorAction SilentlyContinue | ForEach-Object { $_.Path })
    }
    $refused = ''
    foreach ($candidate in $candidates) {
        try {
            return (Resolve-EflowProvPython -Path $candidate)
        }
        catch {
            $refused += "$_ "
        }
    }
    $message = "No Python 3.11 or later was found. ${refused}Install one from python.org for all users, or name one with -Python."
    throw (ConvertTo-EflowProvError -ExitStatus 2 -ErrorId 'EflowProv.NoPython' -Message $message)
}
