/**
 * Replaces `electron` in unit tests: the package would download its binary when plain Node imports it. Modules of
 * electron/ that need it at run time are tested in a real window (tests/e2e/*.window.spec.ts).
 */
throw new Error(
  'This module needs Electron at run time: test it in tests/e2e, and import only types of electron elsewhere.',
);
