// The part of node-forge that is loaded alone; @types/node-forge declares only the whole.
declare module 'node-forge/lib/asn1.js' {
  import type forge from 'node-forge';

  const asn1: typeof forge.asn1;
  export default asn1;
}
