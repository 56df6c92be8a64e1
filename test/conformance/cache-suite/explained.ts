// Every required or optimal test of the public suite that does not pass through this proxy, and why that is right, with the section that says so.
// The test of the suite fails when a test that is not here does not pass, and when one that is here does.
//
// The suite on npm is older than RFC 9111 and tests what a draft of it said. Where the two part, its authors have since changed the tests to what
// the RFC says, or to questions; those are marked with "draft".

const AGE_OF_NO_NUMBER = 'draft: an Age that is no non-negative integer is ignored, so the response is fresh (RFC 9111 §5.1)';
const AGE_OF_SEVERAL =
  'draft: of several Age values the first counts and the others are discarded; by that the response is fresh (RFC 9111 §5.1)';
const NO_ANSWER_IS_STALE =
  'draft: the origin is gone, so the answer is an error of the proxy (RFC 9111 §5.2.2.2, §4.2.4); the test takes any answer for stale that lacks the origin’s count';

/** By the id of the test. */
export const EXPLAINED: Readonly<Record<string, string>> = {
  'age-parse-nonnumeric': AGE_OF_NO_NUMBER,
  'age-parse-negative': AGE_OF_NO_NUMBER,
  'age-parse-float': AGE_OF_NO_NUMBER,
  'age-parse-parameter': AGE_OF_NO_NUMBER,
  'age-parse-numeric-parameter': AGE_OF_NO_NUMBER,
  'age-parse-prefix-twoline': AGE_OF_SEVERAL,
  'age-parse-dup-0': AGE_OF_SEVERAL,
  'age-parse-dup-0-twoline': AGE_OF_SEVERAL,
  'age-parse-dup-old': AGE_OF_SEVERAL,
  'stale-close-must-revalidate': NO_ANSWER_IS_STALE,
  'stale-close-proxy-revalidate': NO_ANSWER_IS_STALE,
  'stale-close-no-cache': NO_ANSWER_IS_STALE,
  'stale-close-s-maxage=2': NO_ANSWER_IS_STALE,
  'conditional-lm-fresh-no-lm':
    'without Last-Modified it is Date that counts, and that is later than If-Modified-Since: modified, as far as anybody knows (RFC 9111 §4.3.2)',
  'partial-store-partial-complete':
    'the part has no strong validator, so what would come could not be joined to it, and would have to be asked for whole after all (RFC 9111 §3.4)',
  'headers-store-Transfer-Encoding':
    'content in a transfer coding that nobody here can remove would reach the client coded, with nothing to say so: 502 (RFC 9112 §6.1, §7)',
};
