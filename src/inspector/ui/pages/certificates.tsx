export function CertificatesPage() {
  return <p>Certificates</p>;
}
