/** A parsed `Mod+Shift+P`. */
interface Shortcut {
  readonly mod: boolean;
  readonly shift: boolean;
  readonly alt: boolean;
  /** `KeyboardEvent.key` in lower case. */
  readonly key: string;
}

const keyNames: Readonly<Record<string, string>> = {
  up: 'arrowup',
  down: 'arrowdown',
  left: 'arrowleft',
  right: 'arrowright',
};

/** Keys matched by physical position, because Alt changes the character they type (on a Mac and on some layouts). */
const keyCodes: Readonly<Record<string, string>> = { '[': 'BracketLeft', ']': 'BracketRight' };

/** Throws on an unknown modifier or a missing key. */
export const parseShortcut = (text: string): Shortcut => {
  const parts = text.split('+');
  const last = parts.pop()?.toLowerCase() ?? '';
  const modifiers = parts.map((part) => part.toLowerCase());
  const unknown = modifiers.find((part) => !['mod', 'shift', 'alt'].includes(part));
  if (unknown !== undefined || last === '') throw new Error(`shortcut "${text}": unknown modifier or no key`);
  return {
    mod: modifiers.includes('mod'),
    shift: modifiers.includes('shift'),
    alt: modifiers.includes('alt'),
    key: keyNames[last] ?? last,
  };
};

interface KeyPress {
  readonly key: string;
  readonly code?: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
}

export const matchesShortcut = (shortcut: Shortcut, event: KeyPress, mac: boolean): boolean => {
  const mod = mac ? event.metaKey : event.ctrlKey;
  const other = mac ? event.ctrlKey : event.metaKey;
  return (
    mod === shortcut.mod &&
    !other &&
    event.shiftKey === shortcut.shift &&
    event.altKey === shortcut.alt &&
    (event.key.toLowerCase() === shortcut.key ||
      (shortcut.alt && event.code !== undefined && event.code === keyCodes[shortcut.key]))
  );
};

/** Display form: "⌘⇧P" on a Mac, "Ctrl+Shift+P" elsewhere. */
export const showShortcut = (text: string, mac: boolean): string =>
  mac
    ? text.replace('Mod+', '⌘').replace('Shift+', '⇧').replace('Alt+', '⌥').replace('Up', '↑').replace('Down', '↓')
    : text.replace('Mod+', 'Ctrl+').replace('Up', '↑').replace('Down', '↓');

/** Electron's accelerator form. */
export const shortcutAccelerator = (text: string): string => text.replace('Mod+', 'CommandOrControl+');

/** Whether shortcuts use Command. */
export const isMac = navigator.userAgent.includes('Mac');
