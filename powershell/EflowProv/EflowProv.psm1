# Loads the functions, one a file. Under the AllSigned execution policy PowerShell checks the signature of every file
# that is dot-sourced here, so each has to be signed as it lies on disk (docs/signing.md); nothing is merged or made.
Set-StrictMode -Version Latest

foreach ($folder in 'Private', 'Public') {
    foreach ($file in @(Get-ChildItem -LiteralPath (Join-Path -Path $PSScriptRoot -ChildPath $folder) -Filter '*.ps1')) {
        . $file.FullName
    }
}
