/*
 * bounded.c
 *	  cdp.bounded: a call within bounds. It fails where the result would be too long, or
 *	  would take too many steps; by the sizes of the arguments, before anything is called,
 *	  where they tell.
 */
#include "expression/bounds.h"

#include <math.h>

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_coerce.h"
#include "types/computed.h"
#include "types/traits.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/geo_decls.h"
#include "utils/lsyscache.h"

/* A text that is searched for positions: a search may begin again at each of its characters. */
#define FIND_FACTOR 4

/* What cdp.bounded keeps from call to call. */
typedef struct BoundedState
{
	BoundShape shape;
	Oid function; /* InvalidOid: none is called */
	const Bound *bound;
	FmgrInfo info;
	FmgrInfo finds;
	FunctionCallInfo call; /* its arguments are those of the call */
	int n_args;
	Oid *types;     /* of the arguments */
	bool unbounded; /* the result may have any size */
	int64 size_max;
	double steps_max;
	Oid element; /* any, all: the type of the array's elements */
	int16 element_len;
	bool element_by_value;
	char element_align;
} BoundedState;

static void
refuse_call(void)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("cdp.bounded cannot be called"),
	                errdetail("It stands in analysed definitions only.")));
}

static void
fail_size(const BoundedState *state)
{
	ereport(ERROR,
	        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
	         state->function == InvalidOid
	             ? errmsg("value is too long")
	             : errmsg("result of function %s is too long", get_func_name(state->function)),
	         errdetail("In a definition it may have " INT64_FORMAT " bytes.", state->size_max)));
}

static void
fail_steps(const BoundedState *state)
{
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
	                errmsg("function %s would take too long", get_func_name(state->function)),
	                errdetail("In a definition its arguments are too long for each other.")));
}

/*
 * Errors if the arguments or the result are not exactly of the types that the function has.
 * (The function is declared to return void, since a record would keep the planner from evaluating a
 * constant call.)
 */
static void
check_signature(const BoundedState *state, const Oid *types, Oid result)
{
	Oid *declared;
	int n;
	Oid declared_result = get_func_signature(state->function, &declared, &n);

	if (n > state->n_args || (n < state->n_args && declared[n - 1] != ANYOID))
		refuse_call();
	declared_result = enforce_generic_type_consistency(types, declared, n, declared_result, false);
	for (int i = 0; i < n; i++)
		if (declared[i] != ANYOID && !IsPolymorphicType(declared[i]) && declared[i] != types[i])
			refuse_call();
	if (declared_result != result)
		refuse_call();
}

/* Prepares the call of a function or an operator. */
static void
prepare_function(BoundedState *state, FmgrInfo *flinfo, Oid what, Oid result)
{
	FuncExpr *outer = (FuncExpr *) flinfo->fn_expr;
	Oid *types = state->types;

	state->function = state->shape == BOUNDED_FUNCTION ? what : get_opcode(what);
	if (!OidIsValid(state->function) || !OidIsValid(get_func_rettype(state->function)))
		refuse_call();
	state->bound = bound_of(state->function);
	if (state->bound->rule <= BOUND_RESULT || state->bound->rule == BOUND_OUTPUT)
		refuse_call();
	if (state->shape == BOUNDED_ANY || state->shape == BOUNDED_ALL)
	{
		if (state->n_args != 2 || !OidIsValid(state->element = get_element_type(types[1])))
			refuse_call();
		get_typlenbyvalalign(state->element, &state->element_len, &state->element_by_value,
		                     &state->element_align);
		types[1] = state->element;
	}
	check_signature(state, types, result);
	fmgr_info_cxt(state->function, &state->info, flinfo->fn_mcxt);
	if (state->shape == BOUNDED_FUNCTION || state->shape == BOUNDED_OPERATOR)
	{
		FuncExpr *inner =
		    makeFuncExpr(state->function, result, list_copy_tail(outer->args, N_BOUNDED_ARGS),
		                 outer->funccollid, outer->inputcollid, COERCE_EXPLICIT_CALL);

		inner->funcvariadic = outer->funcvariadic;
		fmgr_info_set_expr((Node *) inner, &state->info);
	}
	if (OidIsValid(state->bound->finds))
		fmgr_info_cxt(state->bound->finds, &state->finds, flinfo->fn_mcxt);
}

static void
prepare_output(BoundedState *state, FmgrInfo *flinfo, Oid what, Oid result)
{
	Oid output;
	bool is_varlena;

	if (state->n_args != 1 || result != TEXTOID)
		refuse_call();
	getTypeOutputInfo(state->types[0], &output, &is_varlena);
	if (output != what)
		refuse_call();
	state->function = output;
	state->bound = bound_of(output);
	fmgr_info_cxt(output, &state->info, flinfo->fn_mcxt);
}

static BoundedState *
begin_bounded(FunctionCallInfo fcinfo)
{
	FmgrInfo *flinfo = fcinfo->flinfo;
	MemoryContext oldcontext = MemoryContextSwitchTo(flinfo->fn_mcxt);
	BoundedState *state = palloc0(sizeof(BoundedState));
	Oid result;
	int calls;

	if (PG_NARGS() <= N_BOUNDED_ARGS || flinfo->fn_expr == NULL ||
	    !IsA(flinfo->fn_expr, FuncExpr) || PG_ARGISNULL(BOUNDED_SHAPE) ||
	    PG_ARGISNULL(BOUNDED_WHAT) || PG_ARGISNULL(BOUNDED_CALLS))
		refuse_call();
	result = exprType(flinfo->fn_expr);
	if (result == VOIDOID) /* as the function is declared: somebody has written the call */
		refuse_call();
	state->shape = (BoundShape) PG_GETARG_INT32(BOUNDED_SHAPE);
	state->n_args = PG_NARGS() - N_BOUNDED_ARGS;
	state->types = palloc(sizeof(Oid) * state->n_args);
	for (int i = 0; i < state->n_args; i++)
		state->types[i] = get_fn_expr_argtype(flinfo, N_BOUNDED_ARGS + i);
	calls = Max(PG_GETARG_INT32(BOUNDED_CALLS), 1);
	state->size_max = Min(BOUND_SIZE, BOUND_SIZES / calls);
	state->steps_max = (double) BOUND_STEPS / calls;
	state->unbounded = type_is_unbounded(result);
	switch (state->shape)
	{
		case BOUNDED_VALUE:
			if (state->n_args != 1 || state->types[0] != result)
				refuse_call();
			break;
		case BOUNDED_OUTPUT:
			prepare_output(state, flinfo, PG_GETARG_OID(BOUNDED_WHAT), result);
			break;
		case BOUNDED_FUNCTION:
		case BOUNDED_OPERATOR:
		case BOUNDED_ANY:
		case BOUNDED_ALL:
			prepare_function(state, flinfo, PG_GETARG_OID(BOUNDED_WHAT), result);
			break;
		default:
			refuse_call();
	}
	state->call = palloc0(SizeForFunctionCallInfo(state->n_args));
	InitFunctionCallInfoData(*state->call, &state->info, state->n_args, fcinfo->fncollation, NULL,
	                         NULL);
	flinfo->fn_extra = state;
	MemoryContextSwitchTo(oldcontext);
	return state;
}

/* The argument that a rule names, as a place among those of the call; -1: there is none. */
static int
place_of(const BoundedState *state, int which)
{
	return state->bound->args[which];
}

static Datum
argument(const BoundedState *state, int which)
{
	return state->call->args[place_of(state, which)].value;
}

static bool
is_missing(const BoundedState *state, int which)
{
	int place = place_of(state, which);

	return place < 0 || place >= state->n_args || state->call->args[place].isnull;
}

/* The bytes of an argument's value. */
static double
size_of(const BoundedState *state, int which)
{
	int len;

	if (is_missing(state, which))
		return 0;
	len = get_typlen(state->types[place_of(state, which)]);
	return len > 0 ? len : toast_raw_datum_size(argument(state, which)) - VARHDRSZ;
}

/* The bytes of the result that a count of something and the size of each make. */
static void
check_size(const BoundedState *state, double size)
{
	if (size > state->size_max)
		fail_size(state);
}

/* The number of times that a text stands in another, without overlaps. */
static double
occurrences(const BoundedState *state)
{
	text *where = DatumGetTextPP(argument(state, 0));
	text *what = DatumGetTextPP(argument(state, 1));
	const char *c = VARDATA_ANY(where);
	const char *end = c + VARSIZE_ANY_EXHDR(where);
	size_t len = VARSIZE_ANY_EXHDR(what);
	double n = 0;

	if (len == 0)
		return 0;
	if (!get_collation_isdeterministic(state->call->fncollation))
		return VARSIZE_ANY_EXHDR(where); /* another text may count as the same */
	while ((size_t) (end - c) >= len && (c = memmem(c, end - c, VARDATA_ANY(what), len)) != NULL)
	{
		n++;
		c += len;
	}
	return n;
}

/* Steps of compiling and matching a regular expression. */
static double
pattern_steps(const BoundedState *state, bool finds)
{
	text *pattern;
	double size;
	double length = size_of(state, 0);

	if (is_missing(state, 1))
		return 0;
	pattern = DatumGetTextPP(argument(state, 1));
	size = bounded_pattern_size(VARDATA_ANY(pattern), VARSIZE_ANY_EXHDR(pattern));
	if (size > BOUND_PATTERN)
		ereport(ERROR,
		        (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("regular expression is too large"),
		         errdetail("In a definition it may have %d parts, all repetitions written "
		                   "out, and does not refer back to what it has matched.",
		                   BOUND_PATTERN)));
	return length * size + (finds ? length * (length / FIND_FACTOR) : 0);
}

/* The value of a numeric, far enough; its digits after the point. */
static double
number_of(Datum numeric)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, numeric));
}

static double
scale_of(Datum numeric)
{
	if (numeric_is_nan(DatumGetNumeric(numeric)) || numeric_is_inf(DatumGetNumeric(numeric)))
		return 0;
	return DatumGetInt32(DirectFunctionCall1(numeric_scale, numeric));
}

/* Steps of a series that computes so many digits. */
static double
series_steps(double digits)
{
	return (digits + 32) * (digits + 32) * 8;
}

/* Steps of exp, log and power, from the digits of their arguments and results. */
static double
numeric_steps(const BoundedState *state)
{
	Datum first = argument(state, 0);
	double digits = 2 * size_of(state, 0) + scale_of(first);
	double exponent;

	switch (state->bound->rule)
	{
		case BOUND_NUMERIC_EXP:
			return series_steps(digits + Max(number_of(first), 0) * M_LOG10E);
		case BOUND_NUMERIC_LOG:
			return series_steps(digits + 2 * size_of(state, 1) + scale_of(argument(state, 1)));
		default:
			exponent = number_of(argument(state, 1));
			digits += 2 * size_of(state, 1) + scale_of(argument(state, 1));
			if (number_of(first) != 0)
				digits += Max(exponent * log10(fabs(number_of(first))), 0);
			return isfinite(digits) ? series_steps(digits) : INFINITY;
	}
}

/* The number of an array's elements. */
static double
elements_of(const BoundedState *state, int which)
{
	ArrayType *array;

	if (is_missing(state, which))
		return 0;
	array = DatumGetArrayTypeP(argument(state, which));
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/* Checks the texts of the arguments from one on, which are put together. */
static void
check_texts(const BoundedState *state, int first)
{
	double separators = 0;

	if (state->bound->rule == BOUND_JOINED && first > 0 && !state->call->args[first - 1].isnull)
		separators = toast_raw_datum_size(state->call->args[first - 1].value) - VARHDRSZ;
	for (int i = first; i < state->n_args; i++)
	{
		if (state->call->args[i].isnull)
			continue;
		if (bounded_text_exceeds(state->call->args[i].value, state->types[i], state->size_max))
			fail_size(state);
		if (separators > 0 && OidIsValid(get_element_type(state->types[i])))
		{
			ArrayType *array = DatumGetArrayTypeP(state->call->args[i].value);

			check_size(state, separators * (ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) - 1));
		}
	}
}

/* Checks the text of a jsonb that another function finds. */
static void
check_found(BoundedState *state)
{
	LOCAL_FCINFO(found, FUNC_MAX_ARGS);
	Datum json;

	InitFunctionCallInfoData(*found, &state->finds, state->n_args, state->call->fncollation, NULL,
	                         NULL);
	memcpy(found->args, state->call->args, sizeof(NullableDatum) * state->n_args);
	json = state->bound->rule == BOUND_COMPUTED_TEXT ? computed_value(found)
	                                                 : FunctionCallInvoke(found);
	if (!found->isnull && !JB_ROOT_IS_SCALAR(DatumGetJsonbP(json)) &&
	    bounded_json_exceeds(DatumGetJsonbP(json), false, state->size_max))
		fail_size(state);
}

static void
check_trait(const BoundedState *state)
{
	text *key = DatumGetTextPP(state->call->args[1].value);
	Jsonb *container = traits_container(DatumGetTraitsP(state->call->args[0].value),
	                                    VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key));

	if (container != NULL && bounded_json_exceeds(container, false, state->size_max))
		fail_size(state);
}

/* Fails if the result of the call would be too long; returns the steps that it takes at most. */
static double
check_call(BoundedState *state)
{
	switch (state->bound->rule)
	{
		case BOUND_PRODUCT:
			return size_of(state, 0) * size_of(state, 1);
		case BOUND_SQUARE:
			return size_of(state, 0) * size_of(state, 0);
		case BOUND_REPLACE:
			if (size_of(state, 0) * size_of(state, 1) > state->steps_max)
				return INFINITY;
			check_size(state, size_of(state, 0) +
			                      occurrences(state) * (size_of(state, 2) - size_of(state, 1)));
			break;
		case BOUND_REGEX:
			return pattern_steps(state, false);
		case BOUND_REGEX_FIND:
			return pattern_steps(state, true);
		case BOUND_REGEX_REPLACE:
			if ((size_of(state, 0) + 1) * (size_of(state, 2) + 1) > state->steps_max)
				return INFINITY;
			return pattern_steps(state, true);
		case BOUND_PAD:
			check_size(state, DatumGetInt32(argument(state, 0)));
			break;
		case BOUND_PAD_BITS:
			check_size(state, DatumGetInt32(argument(state, 0)) / BITS_PER_BYTE);
			break;
		case BOUND_POINTS:
			check_size(state, DatumGetInt32(argument(state, 0)) * (double) sizeof(Point));
			break;
		case BOUND_OUTPUT:
			if (bounded_text_exceeds(state->call->args[0].value, state->types[0], state->size_max))
				fail_size(state);
			break;
		case BOUND_TEXTS:
		case BOUND_JOINED:
			check_texts(state, place_of(state, 0));
			break;
		case BOUND_ARRAY_TEXT:
			if (is_missing(state, 0))
				break;
			check_size(state, elements_of(state, 0) * (size_of(state, 1) + size_of(state, 2)));
			if (bounded_text_exceeds(argument(state, 0), state->types[0], state->size_max))
				fail_size(state);
			break;
		case BOUND_ARRAY_REPLACE:
			check_size(state, size_of(state, 0));
			if (elements_of(state, 0) * size_of(state, 2) > state->steps_max)
				return INFINITY;
			break;
		case BOUND_JSON_TEXT:
		case BOUND_COMPUTED_TEXT:
			check_found(state);
			break;
		case BOUND_TRAIT_TEXT:
			check_trait(state);
			break;
		case BOUND_JSON_PRETTY:
			if (bounded_json_exceeds(DatumGetJsonbP(argument(state, 0)), true, state->size_max))
				fail_size(state);
			break;
		case BOUND_JSON_PATH:
			return bounded_path_steps(DatumGetJsonbP(argument(state, 0)),
			                          DatumGetJsonPathP(argument(state, 1)));
		case BOUND_NUMERIC_GCD:
			return size_of(state, 0) * size_of(state, 1) * 64;
		case BOUND_NUMERIC_EXP:
		case BOUND_NUMERIC_LOG:
		case BOUND_NUMERIC_POWER:
			return numeric_steps(state);
		case BOUND_FACTORIAL:
			/* so many products with a number of at most that many digits */
			return (double) DatumGetInt64(argument(state, 0)) * DatumGetInt64(argument(state, 0));
		default:
			break;
	}
	return 0;
}

/* Calls the function, if its bounds allow it. */
static Datum
call_function(BoundedState *state, bool *isnull)
{
	FunctionCallInfo call = state->call;
	Datum result;

	*isnull = true;
	if (state->info.fn_strict)
		for (int i = 0; i < state->n_args; i++)
			if (call->args[i].isnull)
				return (Datum) 0;
	if (check_call(state) > state->steps_max)
		fail_steps(state);
	call->isnull = false;
	result = FunctionCallInvoke(call);
	*isnull = call->isnull;
	return result;
}

/* The operator with the elements of an array: any of them, or all. All operators of a rule are strict. */
static Datum
call_elements(BoundedState *state, bool *isnull)
{
	FunctionCallInfo call = state->call;
	bool any = state->shape == BOUNDED_ANY;
	Datum array = call->args[1].value;
	Datum *values;
	bool *nulls;
	int n;
	double steps = 0;

	if (call->args[1].isnull)
		return (Datum) 0;
	deconstruct_array(DatumGetArrayTypeP(array), state->element, state->element_len,
	                  state->element_by_value, state->element_align, &values, &nulls, &n);
	*isnull = n > 0 && call->args[0].isnull;
	for (int i = 0; i < n && !call->args[0].isnull; i++)
	{
		if (nulls[i])
		{
			*isnull = true;
			continue;
		}
		CHECK_FOR_INTERRUPTS();
		call->args[1] = (NullableDatum){values[i], false};
		steps += check_call(state);
		if (steps > state->steps_max)
			fail_steps(state);
		call->isnull = false;
		if (DatumGetBool(FunctionCallInvoke(call)) == any && !call->isnull)
		{
			*isnull = false;
			return BoolGetDatum(any);
		}
		*isnull = *isnull || call->isnull;
	}
	return BoolGetDatum(!any);
}

static void
check_result(const BoundedState *state, Datum result)
{
	if (toast_raw_datum_size(result) > state->size_max + VARHDRSZ)
		fail_size(state);
}

PG_FUNCTION_INFO_V1(cdp_bounded);

/*
 * cdp.bounded(shape, what, number of calls in the definition, arguments) -> the result of a
 * call: see bounds.h. Error 54000: it would be too long, or take too long. 0A000 if it does
 * not stand in an analysed definition.
 */
Datum
cdp_bounded(PG_FUNCTION_ARGS)
{
	BoundedState *state = (BoundedState *) fcinfo->flinfo->fn_extra;
	Datum result;
	bool isnull = true;

	if (state == NULL)
		state = begin_bounded(fcinfo);
	if (state->shape == BOUNDED_VALUE)
	{
		if (PG_ARGISNULL(N_BOUNDED_ARGS))
			PG_RETURN_NULL();
		if (state->unbounded)
			check_result(state, PG_GETARG_DATUM(N_BOUNDED_ARGS));
		PG_RETURN_DATUM(PG_GETARG_DATUM(N_BOUNDED_ARGS));
	}
	memcpy(state->call->args, &fcinfo->args[N_BOUNDED_ARGS], sizeof(NullableDatum) * state->n_args);
	if (state->shape == BOUNDED_ANY || state->shape == BOUNDED_ALL)
		result = call_elements(state, &isnull);
	else
		result = call_function(state, &isnull);
	if (isnull)
		PG_RETURN_NULL();
	if (state->shape == BOUNDED_OUTPUT)
		result = CStringGetTextDatum(DatumGetCString(result));
	if (state->unbounded)
		check_result(state, result);
	PG_RETURN_DATUM(result);
}
