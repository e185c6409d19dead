/**
 * Takes the place of @radix-ui/react-dialog in the page (vite.config.ts). cmdk draws its list in the page's own dialog
 * (dialog.tsx); the one that cmdk could draw itself would bring a dozen packages that nothing here uses.
 */
const refuse = (): never => {
  throw new Error('Command.Dialog of cmdk is not part of this page: put <Command> into <Dialog> of dialog.tsx.');
};

export { refuse as Content, refuse as Overlay, refuse as Portal, refuse as Root };
