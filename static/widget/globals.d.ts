// What a page may hold of ours, for the type checker (`make types`).

interface Window {
  veetflow: any;
  $veetflow: any;
  veetflowSettings: any;
  trustedTypes: any;
}

interface Navigator {
  readonly globalPrivacyControl?: boolean;
}
