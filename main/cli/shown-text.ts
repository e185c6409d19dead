/**
 * Control characters but tabs and line ends, the second set of them (which some terminals obey as well), and characters
 * that turn the direction of what follows.
 */

const OBEYED = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * Text whose names may be a stranger's, for a terminal: what a terminal would obey is shown in its place (`\u001b`).
 */
export const shownText = (text: string): string => text.replace(OBEYED, escaped);
