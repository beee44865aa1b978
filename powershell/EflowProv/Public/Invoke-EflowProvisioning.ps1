function Invoke-EflowProvisioning {
    <#
    .SYNOPSIS
    Provisions the EFLOW VM of this machine with an X.509 identity and DPS, and returns the readiness report.

    .DESCRIPTION
    Runs `eflowprov provision`: checks the certificate and the host, calls Provision-EflowVm, and waits for evidence
    from the VM that it worked.

    It asks before it does so, unless -Confirm:$false is given. With -WhatIf it touches nothing: it checks the
    certificate and the host and shows the Provision-EflowVm call that would be made. The answer to a confirmation also
    covers a VM that is provisioned already.

    Errors are those of Get-EflowProvReadiness: EflowProv.NotReady does not terminate and comes with the object;
    EflowProv.Usage, EflowProv.Unknown and EflowProv.Interrupted terminate.

    .PARAMETER ScopeId
    The ID scope of the DPS, from its overview page.

    .PARAMETER Certificate
    The full chain: the identity certificate first, then the intermediates (ID.chain.pem).

    .PARAMETER Key
    The identity's private key, unencrypted (ID.key.pem).

    .PARAMETER RegistrationId
    The registration ID. It must be the certificate's common name, which it defaults to.

    .PARAMETER Endpoint
    Another global endpoint of DPS, for a sovereign cloud.

    .PARAMETER Force
    Goes on although the certificate or the host has a failing finding. It does not answer the confirmation.

    .PARAMETER Timeout
    Deadline of the cmdlet Provision-EflowVm, in seconds.

    .EXAMPLE
    Invoke-EflowProvisioning -ScopeId 0ne00112233 -Certificate .\line4-press2.chain.pem -Key .\line4-press2.key.pem -WhatIf

    Checks certificate and host and shows the call that would be made.

    .EXAMPLE
    Invoke-EflowProvisioning -ScopeId 0ne00112233 -Certificate .\line4-press2.chain.pem -Key .\line4-press2.key.pem

    Asks, provisions, and returns the report.

    .EXAMPLE
    New-EflowProvIdentity line4-press2 -Authority pki -OutputDirectory out | Invoke-EflowProvisioning -ScopeId 0ne00112233 -Confirm:$false

    Issues an identity and provisions with it, without a question.
    #>
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
    [OutputType('EflowProv.Readiness')]
    param(
        [Parameter(Mandatory)]
        [string] $ScopeId,

        [Parameter(Mandatory, ValueFromPipelineByPropertyName)]
        [Alias('Cert', 'Chain')]
        [string] $Certificate,

        [Parameter(Mandatory, ValueFromPipelineByPropertyName)]
        [string] $Key,

        [Parameter(ValueFromPipelineByPropertyName)]
        [string] $RegistrationId,

        [string] $Endpoint,

        [switch] $Force,

        [ValidateRange(1, 86400)]
        [int] $Timeout
    )

    process {
        try {
            $value = [ordered]@{ ScopeId = '--scope-id'; RegistrationId = '--registration-id'; Endpoint = '--endpoint'; Timeout = '--timeout' }
            $path = [ordered]@{ Certificate = '--cert'; Key = '--key' }
            $flags = @(ConvertTo-EflowProvFlag -Bound $PSBoundParameters -Value $value -Path $path)
            if ($Force) {
                $flags += '--force'
            }
            if ($WhatIfPreference) {
                $flags += '--dry-run'
            }
            elseif ($PSCmdlet.ShouldProcess('the EFLOW VM of this machine', "Provision with $Certificate in ID scope $ScopeId")) {
                $flags += '--yes'
            }
            else {
                return
            }
            $answer = Invoke-EflowProvTool -Activity 'eflowprov provision' -ArgumentList (@('provision') + $flags + '--format=json')
            if ($WhatIfPreference -and $answer.ExitStatus -eq 0) {
                # A dry run that finds nothing wrong prints the call in place of a report.
                $plan = $answer.Output.Trim()
                [void]$PSCmdlet.ShouldProcess($plan, $plan, 'Provision-EflowVm')
                return
            }
            $readiness = ConvertFrom-EflowProvAnswer -Answer $answer
        }
        catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        $readiness
        if ($readiness.ExitStatus -eq 1) {
            $why = Get-EflowProvReason -Readiness $readiness -Outcome 'fail'
            $PSCmdlet.WriteError((ConvertTo-EflowProvError -ExitStatus 1 -Message $why -TargetObject $readiness))
        }
    }
}
