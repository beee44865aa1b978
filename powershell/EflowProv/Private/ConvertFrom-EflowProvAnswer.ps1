function ConvertFrom-EflowProvAnswer {
    # The answer of a command that ends with a report, as an EflowProv.Readiness object when the tool could judge (exit
    # status 0 or 1). Otherwise throws the ErrorRecord for its status; a report that is there all the same is its target.
    [CmdletBinding()]
    [OutputType('EflowProv.Readiness')]
    param(
        [object] $Answer
    )

    $ErrorActionPreference = 'Stop'
    $readiness = $null
    if ($Answer.ExitStatus -in 0, 1, 3 -and $Answer.Output.Trim()) {
        $readiness = ConvertFrom-EflowProvReport -Json $Answer.Output -ExitStatus $Answer.ExitStatus
    }
    if ($Answer.ExitStatus -in 0, 1) {
        if ($null -ne $readiness) {
            return $readiness
        }
        throw (ConvertTo-EflowProvError -ExitStatus 3 -Message "eflowprov ended with status $($Answer.ExitStatus) and printed no report.")
    }
    $why = Get-EflowProvErrorLine -Message $Answer.Messages
    if ($null -ne $readiness) {
        $why = Get-EflowProvReason -Readiness $readiness -Outcome 'error'
    }
    throw (ConvertTo-EflowProvError -ExitStatus $Answer.ExitStatus -Message $why -TargetObject $readiness)
}
