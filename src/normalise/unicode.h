/*
 * unicode.h
 *	  What the normalise stage needs of Unicode. Every call of ICU is in
 *	  unicode.c; its handles are opened at first use, once per process, and
 *	  never closed.
 */
#ifndef NORMALISE_UNICODE_H
#define NORMALISE_UNICODE_H

#include "normalise/normalise.h"

/* Is this well-formed UTF-8 (no surrogates, no overlong forms, below U+110000)? */
extern bool unicode_utf8_valid(const char *s, size_t len);

/* Bytes of the white space character that s starts or ends with, 0 if none. */
extern size_t unicode_leading_space(const char *s, size_t len);
extern size_t unicode_trailing_space(const char *s, size_t len);

/*
 * One code point of valid UTF-8 at *position, which moves behind it.
 */
extern uint32_t unicode_next(const char *s, size_t *position);

/* Value of a decimal digit of any script (general category Nd), else -1. */
extern int unicode_digit(uint32_t code_point);

/* Is it a letter or a number (general categories L and N)? */
extern bool unicode_is_word(uint32_t code_point);

/*
 * The following take valid UTF-8 of at most NORMALISE_MAX_VALUE bytes and
 * write at most 'capacity' bytes. They return NORMALISE_OK, _TOO_LONG where
 * the result does not fit, _INVALID where the text is not acceptable, or
 * _UNICODE_LIBRARY.
 */

/* Normalisation form C. */
extern NormaliseStatus unicode_nfc(const char *s, size_t len, char *out, size_t capacity,
                                   size_t *out_len);

/*
 * Normalisation form KC in lower case of the root locale, stable under
 * repetition. INVALID: unassigned, private and invisible characters.
 */
extern NormaliseStatus unicode_local_part(const char *s, size_t len, char *out, size_t capacity,
                                          size_t *out_len);

/*
 * A domain name by UTS #46 (non-transitional, STD3 rules, bidi and joiner
 * checks) in its ASCII form, lower case, lengths verified. INVALID if it has
 * none.
 */
extern NormaliseStatus unicode_domain(const char *s, size_t len, char *out, size_t capacity,
                                      size_t *out_len);

/* Versions of the library and of the Unicode standard it implements, as "72.1". */
extern const char *unicode_library_version(void);
extern const char *unicode_standard_version(void);

#endif /* NORMALISE_UNICODE_H */
