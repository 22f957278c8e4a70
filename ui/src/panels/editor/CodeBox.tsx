import { closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, foldGutter, foldKeymap, indentOnInput, indentUnit } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search';
import { Annotation, Compartment, EditorState, type Extension, Transaction } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { useEffect, useRef, useState } from 'react';
import { spoken } from '../../i18n';
import { editorWords } from '../../i18n/others';
import { replacement } from './document';
import { fromBox, lineEnd, toBox } from './lines';
import { type LineMark, liveMarks, showMarks } from './marks';
import { theme } from './theme';

/** Marks what came from outside: no typing of the user's, and nothing for undo. */
const outside = Annotation.define<boolean>();

interface Props {
  label: string;
  value: string;
  onChange?: (text: string) => void;
  /** Language, completion, faults. Its identity must be stable. */
  extensions?: Extension;
  marks?: LineMark[];
  readOnly?: boolean;
  /** Whether the focus goes to it when it is drawn. */
  takesFocus?: boolean;
  /** Called by Ctrl-S. */
  onSave?: () => void;
}

/** Whether somebody has just opened the panel: on a page that was loaded with it nothing has the focus yet. */
export const useOpened = () => useState(() => document.activeElement !== document.body)[0];

/** A code editor as a controlled component; a new value changes only the characters that differ, so the cursor stays. */
export function CodeBox(props: Props) {
  const [mixed, setMixed] = useState(false);
  // Once mixed stays so: another box in its place would take the keyboard's place with it.
  if (!mixed && lineEnd(props.value) === null) setMixed(true);
  return <Box key={String(mixed)} mixed={mixed} {...props} />;
}

/** With lines of several ends only line feeds end them; what else there is stays with its line. */
function Box({
  mixed,
  label,
  value,
  onChange,
  extensions = [],
  marks,
  readOnly = false,
  takesFocus = false,
  onSave,
}: Props & { mixed: boolean }) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const handlers = useRef({ onChange, onSave, value });
  handlers.current = { onChange, onSave, value };
  const language = useRef(new Compartment());
  const first = useRef({ value, extensions, label, readOnly, takesFocus, mixed });

  useEffect(() => {
    if (host.current === null) return;
    const start = first.current;
    const onSaveKey = () => {
      handlers.current.onSave?.();
      return true;
    };
    const editor = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: toBox(start.value),
        extensions: [
          basics(start.label, start.readOnly),
          EditorState.phrases.of(editorWords(spoken().t)),
          keymap.of([{ key: 'Mod-s', preventDefault: true, run: onSaveKey }]),
          start.mixed ? [EditorState.lineSeparator.of('\n'), highlightSpecialChars()] : [],
          language.current.of(start.extensions),
          EditorView.updateListener.of((update) => {
            const typed = update.transactions.some((one) => one.docChanged && !one.annotation(outside));
            if (typed) handlers.current.onChange?.(fromBox(update.state.doc.toString(), handlers.current.value));
          }),
        ],
      }),
    });
    view.current = editor;
    if (start.takesFocus) editor.focus();
    return () => {
      editor.destroy();
      view.current = null;
    };
  }, []);

  useEffect(() => {
    view.current?.dispatch({ effects: language.current.reconfigure(extensions) });
  }, [extensions]);

  useEffect(() => {
    const editor = view.current;
    if (editor === null) return;
    const change = replacement(editor.state.doc.toString(), toBox(value));
    if (change === null) return;
    editor.dispatch({ changes: change, annotations: [outside.of(true), Transaction.addToHistory.of(false)] });
  }, [value]);

  useEffect(() => {
    if (view.current !== null && marks !== undefined) showMarks(view.current, marks);
  }, [marks]);

  return <div ref={host} style={{ height: '100%' }} data-testid="code" />;
}

function basics(label: string, readOnly: boolean): Extension {
  return [
    lineNumbers(),
    highlightActiveLineGutter(),
    foldGutter(),
    liveMarks,
    history(),
    drawSelection(),
    indentOnInput(),
    indentUnit.of('  '),
    bracketMatching(),
    closeBrackets(),
    highlightActiveLine(),
    highlightSelectionMatches(),
    search({ top: true }),
    EditorState.readOnly.of(readOnly),
    EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' }),
    // Tab indents; Escape before it gives the key back to the page, as CodeMirror recommends for keyboard users.
    keymap.of([
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...lintKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...foldKeymap,
      ...defaultKeymap,
      indentWithTab,
    ]),
    theme,
  ];
}
