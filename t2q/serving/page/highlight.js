// Queries, lightly highlighted: SQL and Cypher by one table of words.

const KEYWORDS = new Set(
  ("select distinct from where join inner left right full outer cross on using group by having order asc desc limit " +
    "offset skip union all intersect except as and or not in is null like between exists case when then else end with " +
    "match optional return unwind call yield count sum avg min max collect contains starts ends true false over " +
    "partition cast").split(" "),
);
// White space, text, quoted names, comments, numbers, words, arrows and comparisons, anything else.
const TOKEN = /(\s+)|('(?:[^'\\]|\\.|'')*'?)|("(?:[^"\\]|\\.|"")*"?|`[^`]*`?)|(--[^\n]*|\/\/[^\n]*)|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([\p{L}_$][\p{L}\p{N}_$]*)|(<>|<=|>=|!=|.)/gsu;

/** The query cut into {text, space, style, key}: `key` is the same for what means the same, `style` a class or "". */
export function tokens(query, language) {
  return Array.from(query.matchAll(TOKEN), ([text, space, string, quoted, comment, numeral, word]) => {
    const quotedIsText = language === "cypher" && quoted && quoted[0] === '"';
    const style = comment ? "comment" : string || quotedIsText ? "string" : numeral ? "number" : "";
    const keyword = word && KEYWORDS.has(word.toLowerCase());
    return { text, space: Boolean(space), style: keyword ? "keyword" : style, key: keyword ? word.toLowerCase() : text };
  });
}
