function ConvertFrom-EflowProvReport {
    # The report (a JSON document, docs/report.md) as an EflowProv.Readiness object. Throws EflowProv.Unknown when
    # it is not in the known form, or when its verdict is not the one that the exit status tells.
    [CmdletBinding()]
    [OutputType('EflowProv.Readiness')]
    param(
        [string] $Json,
        [int] $ExitStatus
    )

    $ErrorActionPreference = 'Stop'
    $statuses = @{ 'ready' = 0; 'ready-awaiting-deployment' = 0; 'not-ready' = 1; 'unknown' = 3 }
    try {
        $report = ConvertFrom-Json -InputObject $Json
        if ($statuses[[string]$report.verdict] -ne $ExitStatus) {
            throw "the verdict '$($report.verdict)' does not go with the exit status $ExitStatus"
        }
        $findings = @(foreach ($finding in $report.findings) { ConvertFrom-EflowProvFinding -Finding $finding })
        [pscustomobject]@{
            PSTypeName     = 'EflowProv.Readiness'
            Verdict        = [string]$report.verdict
            Summary        = $report.summary
            RegistrationId = [string]$report.identity.registration_id
            DeviceId       = [string]$report.identity.device_id
            Hub            = [string]$report.identity.hub
            ExpiresAt      = ConvertTo-EflowProvTime -Value $report.identity.expires_at
            StartedAt      = ConvertTo-EflowProvTime -Value $report.started_at
            Findings       = $findings
            ExitStatus     = $ExitStatus
        }
    }
    catch {
        throw (ConvertTo-EflowProvError -ExitStatus 3 -Message "eflowprov ended with status $ExitStatus, and its report cannot be read: $_")
    }
}
