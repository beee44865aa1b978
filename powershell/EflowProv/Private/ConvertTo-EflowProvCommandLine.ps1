function ConvertTo-EflowProvCommandLine {
    # One command line from whole arguments, by the rule with which CommandLineToArgvW and the C runtime take it apart
    # again. Windows PowerShell 5.1 does not keep to that rule when it calls a program itself: an empty argument
    # vanishes there, and quotes break. .NET on other systems splits the line by the same rule.
    [CmdletBinding()]
    [OutputType([string])]
    param(
        [string[]] $ArgumentList
    )

    $quoted = foreach ($argument in $ArgumentList) {
        if ($argument.IndexOf([char]0) -ge 0) {
            throw (ConvertTo-EflowProvError -ExitStatus 2 -Message 'An argument holds a NUL, which ends a command line. Leave it out.')
        }
        if ($argument -and $argument -notmatch '[\s"]') {
            $argument
        }
        else {
            # A backslash means itself, unless a quote follows: before one, and before the closing one, each is doubled.
            # \z and not $, which would also match before a newline at the end.
            '"' + (($argument -replace '(\\*)"', '$1$1\"') -replace '(\\+)\z', '$1$1') + '"'
        }
    }
    $quoted -join ' '
}
