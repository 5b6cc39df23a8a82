// Where the rest of the widget is, in a release: one file whose name is its version, fetched with
// its digest. It takes the place of ../place.js when the server is built.

const bundle = '__PANEL__';
const digest = '__DIGEST__';

/** The script element that brought us. */
export const ownScript = document.currentScript ?? document.querySelector('script[src*="/v1/widget.js"]');

/** The chat server. */
export const home = new URL(ownScript?.src ?? location.href).origin;

/** A page that demands Trusted Types gets an address it can trust: it is made of constants. */
function trusted(address) {
  const policy = window.trustedTypes?.createPolicy('veetflow', { createScriptURL: (text) => text });
  return policy ? policy.createScriptURL(address) : address;
}

/** `import()` knows no digest; a script element does, and what it checked is what is then imported. */
function fetchChecked(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.type = 'module';
    script.crossOrigin = 'anonymous';
    script.integrity = digest;
    if (ownScript?.nonce) script.nonce = ownScript.nonce;
    script.onload = resolve;
    script.onerror = () => {
      script.remove();
      reject(new Error('veetflow: the chat could not be loaded'));
    };
    script.src = trusted(address);
    document.head.append(script);
  });
}

let isChecked = false;

export async function loadPanel() {
  const address = `${home}${bundle}`;
  if (!isChecked) await fetchChecked(address);
  isChecked = true;
  return import(address);
}
