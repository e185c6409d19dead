/** Whether Command is the modifier of shortcuts. */
export const isMac = navigator.userAgent.includes('Mac');
