/** Passkeys of this browser. Source: W3C Web Authentication Level 3 §5.1. */

/** Whether this browser can use passkeys here. */
export const hasPasskeys = (): boolean =>
  typeof PublicKeyCredential !== 'undefined' &&
  'parseRequestOptionsFromJSON' in PublicKeyCredential;

function answered(credential: Credential | null): Record<string, unknown> {
  if (!(credential instanceof PublicKeyCredential)) throw new DOMException('', 'NotAllowedError');
  return { ...credential.toJSON() };
}

/**
 * Has the browser use a passkey. Throws a DOMException where its owner or the browser would not.
 */
export async function usePasskey(
  options: PublicKeyCredentialRequestOptionsJSON,
  signal?: AbortSignal,
): Promise<Record<string, unknown>> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return answered(await navigator.credentials.get({ publicKey, ...(signal && { signal }) }));
}

/** Has the browser make a passkey. */
export async function makePasskey(
  options: PublicKeyCredentialCreationOptionsJSON,
): Promise<Record<string, unknown>> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return answered(await navigator.credentials.create({ publicKey }));
}
