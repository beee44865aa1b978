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
                Folder         = [string]$identity.folder
                Leaf           = [string]$identity.leaf
                Chain          = [string]$identity.chain
                Key            = [string]$identity.key
                Serial         = [string]$identity.serial
                Sha1           = [string]$identity.sha1
                Sha256         = [string]$identity.sha256
                NotBefore      = ConvertTo-EflowProvTime -Value $identity.not_before
                NotAfter       = ConvertTo-EflowProvTime -Value $identity.not_after
                Kept           = [bool]$identity.kept
            }
        }
    }
    catch {
        throw (ConvertTo-EflowProvError -ExitStatus 3 -Message "The answer of eflowprov certs device cannot be read: $_")
    }
}
