// Owns the names of fields whose value is a credential, or stands for one: what is shown, recorded or stored of a message leaves these values out.
// Better a name too many than a secret.

/** Lower case. */
export const SECRET_FIELDS: readonly string[] = [
  ...['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'dpop', 'api-key', 'apikey', 'private-token', 'session-token'],
  ...['x-api-key', 'x-apikey', 'x-api-token', 'x-api-secret', 'x-auth-token', 'x-auth-key', 'x-access-token', 'x-refresh-token'],
  ...['x-id-token', 'x-token', 'x-session-token', 'x-session-id', 'x-csrf-token', 'x-csrftoken', 'x-xsrf-token', 'x-jwt-assertion'],
  ...['x-amz-security-token', 'x-amzn-oidc-accesstoken', 'x-amzn-oidc-data', 'x-goog-api-key', 'x-goog-iap-jwt-assertion'],
  ...['x-ms-token-aad-access-token', 'x-ms-token-aad-id-token', 'x-functions-key', 'ocp-apim-subscription-key', 'x-vault-token'],
  ...['x-forwarded-access-token', 'x-gitlab-token', 'x-hub-signature', 'x-hub-signature-256', 'x-shopify-access-token'],
  ...['cf-access-client-secret', 'cf-access-jwt-assertion', 'cf-access-token', 'x-figma-token', 'x-consul-token', 'x-registry-auth'],
];
