/* What cppcheck has to know of PostgreSQL's macros; nothing else includes it. */
#define ereport(level, ...) do { if ((level) >= 21) abort(); } while (0)
#define elog(level, ...) do { if ((level) >= 21) abort(); } while (0)
#define ereturn(context, value, ...) return value
#define ERROR 21
#define pg_attribute_noreturn() __attribute__((noreturn))
#define pg_unreachable() abort()
#define PG_FUNCTION_INFO_V1(name)
#define foreach(cell, list) for ((cell) = first_cell(list); (cell) != NULL; (cell) = next_cell(cell))
#define CppAsString2(x) #x
