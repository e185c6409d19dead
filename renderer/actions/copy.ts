import { noticesStore } from '../state/notices-store.ts';

/** Puts a text into the clipboard, and says so: `what` names it ("The path"). */
export const copyText = async (what: string, text: string): Promise<void> => {
  await navigator.clipboard.writeText(text);
  noticesStore.getState().tell(`${what} is in the clipboard.`, text);
};
