/**
 * Control characters other than tab and line end, the C1 controls (which some terminals obey as well), and characters
 * that change text direction.
 */

const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * Text for a terminal that may contain untrusted names: characters that the terminal would obey are escaped (`\u001b`).
 */
export const shownText = (text: string): string => text.replace(OBEYED, escaped);
