import { noticesStore } from '../state/notices-store.ts';

/** Puts a text into the clipboard, and says so: `what` names it ("The path"), `said` is shown of it. */
export const copyText = async (what: string, text: string, said = text): Promise<void> => {
  await navigator.clipboard.writeText(text);
  noticesStore.getState().tell(`${what} is in the clipboard.`, said);
};

/** Puts a picture into the clipboard, and says so. */
export const copyPicture = async (picture: Blob): Promise<void> => {
  await navigator.clipboard.write([new ClipboardItem({ [picture.type]: picture })]);
  noticesStore.getState().tell('The picture is in the clipboard.');
};
