/*
 * body_io.h
 *	  Binary form of types whose stored form is the same on every platform: the
 *	  body behind the varlena header, as it is.
 */
#ifndef CDP_BODY_IO_H
#define CDP_BODY_IO_H

#include "postgres.h"

#include "lib/stringinfo.h"

/* Says what is wrong with the body of a value; NULL: nothing. */
typedef const char *(*BodyValidate)(const char *body, Size len);

/* A value made of the rest of a message. 22P03, which names the type, for a body that is none. */
extern struct varlena *body_receive(StringInfo message, const char *type_name,
                                    BodyValidate validate);

/* The body of a value, which may have a short header. */
extern bytea *body_send(const struct varlena *value);

#endif /* CDP_BODY_IO_H */
