/**
 * Replaces @radix-ui/react-dialog in the page (vite.config.ts). cmdk is drawn inside the page's own dialog
 * (dialog.tsx); cmdk's own dialog would add a dozen unused packages.
 */
const refuse = (): never => {
  throw new Error('Command.Dialog of cmdk is not available here: put <Command> into the <Dialog> of dialog.tsx.');
};

export { refuse as Content, refuse as Overlay, refuse as Portal, refuse as Root };
