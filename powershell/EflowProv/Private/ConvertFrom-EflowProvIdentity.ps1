function ConvertFrom-EflowProvIdentity {
    # The JSON document of `certs device` as EflowProv.Identity objects. Throws EflowProv.Unknown when it is not in
    # the known form.
    [CmdletBinding()]
    [OutputType('EflowProv.Identity')]
    param(
        [string] $Json
    )

    $ErrorActionPreference = 'Stop'
    try {
        $document = ConvertFrom-Json -InputObject $Json
        foreach ($identity in $document.identities) {
            [pscustomobject]@{
                PSTypeName     = 'EflowProv.Identity'
                RegistrationId = [string]$identity.registration_id
                Folder         = Split-Path -Path $identity.individual_enrollment -Parent
                Leaf           = [string]$identity.individual_enrollment
                Chain          = [string]$identity.device.certificate
                Key            = [string]$identity.device.key
                Serial         = [string]$identity.certificate.serial
                Sha1           = [string]$identity.certificate.sha1
                Sha256         = [string]$identity.certificate.sha256
                NotBefore      = ConvertTo-EflowProvTime -Value $identity.certificate.not_before
                NotAfter       = ConvertTo-EflowProvTime -Value $identity.certificate.not_after
                Kept           = [bool]$identity.kept
            }
        }
    }
    catch {
        throw (ConvertTo-EflowProvError -ExitStatus 3 -Message "The answer of eflowprov certs device cannot be read: $_")
    }
}
