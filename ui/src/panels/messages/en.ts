/** The panels' part of the English catalogue; keys start with `panel.`. */
export const panels = {} as const;
