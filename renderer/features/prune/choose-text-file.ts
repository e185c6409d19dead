import { WorkbenchError } from '../../../main/contract/errors.ts';

/** Plans of 100 layers of 512 experts, merged, are under 3 MB; one message to the engine holds 16 MB. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Asks for a text file with the host's own dialog; null: thought better of it. `accept` as of `<input type="file">`. */
export const chooseTextFile = async (
  accept: string,
): Promise<{ readonly name: string; readonly text: string } | null> => {
  // Without it the page's own dialog would silently stay away (a command of the application menu gives none).
  if (!navigator.userActivation.isActive) {
    throw new WorkbenchError(
      'needs-click',
      'refused',
      'A file can only be chosen by a click or a key in the window.',
      'Press “Import a plan…” in the Prune view.',
    );
  }
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = accept;
  const file = await new Promise<File | null>((resolve) => {
    input.addEventListener('change', () => resolve(input.files?.[0] ?? null), { once: true });
    input.addEventListener('cancel', () => resolve(null), { once: true });
    input.click();
  });
  if (file === null) return null;
  if (file.size > MAX_BYTES) {
    throw new WorkbenchError(
      'file-too-large',
      'refused',
      `${file.name} has ${file.size} bytes; at most ${MAX_BYTES} are read.`,
      'Choose a plan or a ranking.',
    );
  }
  return { name: file.name, text: await file.text() };
};
