// Owns what counts as a secret: names of fields, of parameters in URLs and forms, and paths in JSON; what is known for it, and what is configured besides.
// Better a name too many than a secret: who looks at their own proxy can have any of it shown.
import { SECRET_FIELDS } from '../../http/secret-fields.ts';
import { type JsonPaths, jsonPaths, parseJsonPath } from './mask-json.ts';

/** As it is configured; beside the names below. */
export interface RedactOptions {
  readonly fields: readonly string[];
  readonly query: readonly string[];
  /** `$.user.password`, `$..token`, `$.list[*].key`. */
  readonly json: readonly string[];
}

export interface MaskRules {
  /** Lower case, as names of parameters are. Cookies are masked by their values; of Authorization the scheme stays. */
  readonly fields: ReadonlySet<string>;
  readonly query: ReadonlySet<string>;
  readonly json: JsonPaths;
}

/** @throws Error that says which path is none */
export function maskRules(options: RedactOptions): MaskRules {
  return {
    fields: new Set([...SECRET_FIELDS, ...options.fields.map(lower)]),
    query: new Set([...SECRET_PARAMETERS, ...options.query.map(lower)]),
    json: jsonPaths([...SECRET_PATHS, ...options.json].map((path) => parseJsonPath(path))),
  };
}

function lower(name: string): string {
  return name.toLowerCase();
}

/** Fields that hold URLs, and with them their parameters; `:path` is that of HTTP/2. */
export const URL_FIELDS: ReadonlySet<string> = new Set([
  ':path',
  'location',
  'content-location',
  'referer',
  'refresh',
  'link',
  'origin',
  'sourcemap',
]);

export const SECRET_PARAMETERS: readonly string[] = [
  ...['token', 'access_token', 'accesstoken', 'refresh_token', 'id_token', 'auth_token', 'authtoken', 'session_token', 'csrf_token'],
  ...['csrfmiddlewaretoken', 'authenticity_token', '_csrf', '_token', 'xsrf', 'jwt', 'assertion', 'client_assertion', 'samlresponse'],
  ...['samlrequest', 'api_key', 'apikey', 'api-key', 'key', 'access_key', 'secret_key', 'private_key', 'subscription-key'],
  ...['password', 'passwd', 'passphrase', 'pass', 'pwd', 'new_password', 'old_password', 'current_password', 'password_confirmation'],
  ...['secret', 'client_secret', 'credential', 'credentials', 'auth', 'authorization', 'otp', 'pin', 'code', 'code_verifier'],
  ...['device_code', 'user_code', 'ticket', 'sid', 'session', 'sessionid', 'session_id', 'phpsessid', 'jsessionid'],
  ...['sig', 'signature', 'hmac', 'x-amz-signature', 'x-amz-credential', 'x-amz-security-token', 'awsaccesskeyid'],
  ...['x-goog-signature', 'x-goog-credential', 'oauth_token', 'oauth_token_secret', 'oauth_signature', 'oauth_verifier'],
];

const SECRET_PATHS: readonly string[] = [
  ...['$..password', '$..passwd', '$..passphrase', '$..newPassword', '$..oldPassword', '$..new_password', '$..old_password'],
  ...['$..access_token', '$..accessToken', '$..refresh_token', '$..refreshToken', '$..id_token', '$..idToken', '$..authToken'],
  ...['$..auth_token', '$..client_secret', '$..clientSecret', '$..secret', '$..api_key', '$..apiKey', '$..private_key', '$..privateKey'],
];
