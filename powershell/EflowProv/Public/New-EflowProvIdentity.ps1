function New-EflowProvIdentity {
    <#
    .SYNOPSIS
    Issues an X.509 identity for each registration ID, and returns what was issued and where it lies.

    .DESCRIPTION
    Runs `eflowprov certs device`. An identity that is complete and valid already is kept and never issued anew; its
    Kept property is then true. Nothing is written when one of the registration IDs is not valid (EflowProv.Usage).

    All IDs go to the tool in one call, whose command line Windows limits to 32,767 characters: some hundreds of IDs.

    .PARAMETER RegistrationId
    One or more registration IDs; also from the pipeline.

    .PARAMETER Authority
    The folder of the certificate authority, as made by `eflowprov certs ca`.

    .PARAMETER OutputDirectory
    The folder that gets a folder for each identity.

    .PARAMETER KeyType
    The kind of key.

    .PARAMETER Days
    How long the certificate is valid, in days; never beyond its issuer.

    .PARAMETER PassphraseFile
    The file whose one line is the passphrase of the authority's key. A passphrase is never a parameter.

    .EXAMPLE
    New-EflowProvIdentity line4-press2 -Authority pki -OutputDirectory out

    Issues one identity.

    .EXAMPLE
    Get-Content .\ids.txt | New-EflowProvIdentity -Authority pki -OutputDirectory out | Export-Csv .\issued.csv -NoTypeInformation

    Issues one for each line of a file, and keeps a list with serials, thumbprints and dates.
    #>
    [CmdletBinding(SupportsShouldProcess)]
    [OutputType('EflowProv.Identity')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [string[]] $RegistrationId,

        [Parameter(Mandatory)]
        [Alias('Ca')]
        [string] $Authority,

        [Parameter(Mandatory)]
        [Alias('Out')]
        [string] $OutputDirectory,

        [ValidateSet('ec-p256', 'ec-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096')]
        [string] $KeyType,

        [ValidateRange(1, 36500)]
        [int] $Days,

        [string] $PassphraseFile
    )

    begin {
        $ids = @()
    }

    process {
        foreach ($id in $RegistrationId) {
            if ($PSCmdlet.ShouldProcess($id, "Issue an identity certificate into $OutputDirectory")) {
                $ids += $id
            }
        }
    }

    end {
        if ($ids.Count -eq 0) {
            return
        }
        try {
            $value = [ordered]@{ Days = '--days' }
            $word = [ordered]@{ KeyType = '--key-type' }
            $path = [ordered]@{ Authority = '--ca'; OutputDirectory = '--out'; PassphraseFile = '--passphrase-file' }
            $flags = @(ConvertTo-EflowProvFlag -Bound $PSBoundParameters -Value $value -Word $word -Path $path)
            # Behind -- nothing is a flag, whatever an ID begins with.
            $arguments = @('certs', 'device') + $flags + @('--format=json', '--') + $ids
            $answer = Invoke-EflowProvTool -Activity 'eflowprov certs device' -ArgumentList $arguments
            if ($answer.ExitStatus -ne 0) {
                throw (ConvertTo-EflowProvError -ExitStatus $answer.ExitStatus -Message (Get-EflowProvErrorLine -Message $answer.Messages))
            }
            $identities = @(ConvertFrom-EflowProvIdentity -Json $answer.Output)
        }
        catch {
            $PSCmdlet.ThrowTerminatingError($_)
        }
        $identities
    }
}
