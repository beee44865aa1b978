# What .NET finds in a PFX, and whether its key and its certificate belong together.
$request = ConvertFrom-Json -InputObject ([System.IO.File]::ReadAllText($env:EFLOWPROV_TEST_REQUEST))
$space = 'System.Security.Cryptography.X509Certificates'
$flags = [System.Security.Cryptography.X509Certificates.X509KeyStorageFlags]::EphemeralKeySet
$found = New-Object -TypeName "$space.X509Certificate2Collection"
$found.Import($request.pfx, $request.password, $flags)
$own = @($found | Where-Object { $_.HasPrivateKey })[0]

$data = [System.Text.Encoding]::ASCII.GetBytes('signed with the private key')
$sha256 = [System.Security.Cryptography.HashAlgorithmName]::SHA256
$key = [System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions]::GetECDsaPrivateKey($own)
$public = [System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions]::GetECDsaPublicKey($own)
$verified = $public.VerifyData($data, $key.SignData($data, $sha256), $sha256)

$result = [ordered]@{
    subject = [string]$own.Subject
    thumbprint = [string]$own.Thumbprint
    friendly_name = [string]$own.FriendlyName
    verified = [bool]$verified
    subjects = @($found | ForEach-Object { [string]$_.Subject })
}
[System.IO.File]::WriteAllText($env:EFLOWPROV_TEST_RESULT, (ConvertTo-Json -InputObject $result -Compress))
