function Invoke-EflowProvTool {
    # Runs eflowprov with whole arguments. --verbose, since it tells its steps on a pipe only when asked to.
    [CmdletBinding()]
    [OutputType('EflowProv.Answer')]
    param(
        [string[]] $ArgumentList,
        [string] $Activity = 'eflowprov'
    )

    $ErrorActionPreference = 'Stop'
    $program = Find-EflowProvProgram
    $front = @('--verbose')
    if ([System.IO.Path]::GetFileNameWithoutExtension($program) -match '^python[0-9.]*$') {
        # A Python in place of the program: -P keeps the current folder out of what it may import.
        $front = @('-P', '-m', 'eflowprov', '--verbose')
    }
    Invoke-EflowProvProcess -FilePath $program -ArgumentList ($front + $ArgumentList) -Activity $Activity
}
