// JSON as the protocol has it (with NaN and Infinity), and a command that asks the same from a shell.

const MOST_ON_A_LINE = 3000;

// Names NaN and Infinity, which JSON does not know, as texts; strings that contain the words are left alone.
export function parseLoosely(text) {
  return JSON.parse(text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g, (found) => (found[0] === '"' ? found : `"${found}"`)));
}

// Lays JSON out in lines, lists of plain values in one, with every number as the server wrote it; cut after `most` characters.
export function indent(text, most) {
  let depth = 0;
  const tokens = text.slice(0, 4 * most).match(/"(?:[^"\\]|\\.)*"|\[[^[\]{}"]*\]|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
  const lines = tokens.map((token, place) => {
    if ("{[".includes(token)) return `${token}\n${" ".repeat(++depth)}`;
    if ("}]".includes(token)) return `\n${" ".repeat(Math.max(--depth, 0))}${token}`;
    if (token === ",") return `,\n${" ".repeat(depth)}`;
    return token === ":" ? ": " : token.replace(/\s+/g, place && token[0] === "[" ? " " : "");
  });
  const laid = lines.join("");
  return laid.length > most || text.length > 4 * most ? `${laid.slice(0, most)}…` : laid;
}

// Returns a command for sh that sends the same bytes, with pictures read from the file rather than written out.
export function curlOf(url, question, withToken) {
  const head = withToken ? ' -H "Authorization: Bearer $TOKEN"' : "";
  const note = withToken ? "TOKEN is this server's token." : "";
  const target = quote(url);
  if (question.file) {
    const [before, after] = question.around.map(quote);
    const command = `(printf %s ${before}; base64 < ${quote(question.file)} | tr -d '\\n'; printf %s ${after}) |\n  curl${head} -d @- ${target}`;
    return { command, note: [question.fileNote, note].filter(Boolean).join(" ") };
  }
  if (question.body.length <= MOST_ON_A_LINE) return { command: `curl${head} -d ${quote(question.body)} ${target}`, note };
  return { command: `curl${head} -d @- ${target} <<'END'\n${question.body}\nEND`, note };
}

function quote(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
