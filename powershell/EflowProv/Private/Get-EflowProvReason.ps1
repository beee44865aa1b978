function Get-EflowProvReason {
    # Why a report's verdict is what it is, in one line: the ids of the findings with one outcome.
    [CmdletBinding()]
    [OutputType([string])]
    param(
        [object] $Readiness,
        [string] $Outcome
    )

    $ids = @($Readiness.Findings | Where-Object { $_.Outcome -eq $Outcome } | ForEach-Object { $_.Id })
    "$($Readiness.Verdict): $($ids.Count) finding(s) with outcome '$Outcome': $($ids -join ', '). See Findings for details and remedies."
}
