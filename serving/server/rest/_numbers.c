/* A regular array of JSON numbers, however nested, read from its text into one buffer of doubles.
 *
 * One pass, without the interpreter's lock, reads the numbers and sees that the nesting is regular. Whatever is not exactly
 * such an array by JSON's grammar (RFC 8259) is refused without a reason: the caller has slower readers that know the messages.
 *
 * A decimal number m * 10^k with m < 2^64 and |k| <= 27 takes one multiplication or division of two exact values in the 64 bits
 * of an x87 `long double`. Rounding that once more to a double's 53 bits is right unless the first result lies in the middle
 * between two doubles; those numbers, one in 2,048, and all beyond that range go through Python's own conversion.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <float.h>
#include <stdint.h>
#include <string.h>

#if LDBL_MANT_DIG != 64 || !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "only for processors with an 80 bit long double; others do without this module"
#endif

#define DEEPEST 32 /* numpy's limit of dimensions */
#define LARGEST_POWER 27 /* 5^27 is the last power of 5 that 64 bits hold */
#define LONGEST_HARD 100 /* characters */
#define EXACT_INTEGER (1ULL << 53)

static const long double POWERS[LARGEST_POWER + 1] = {
    1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,  1e7L,  1e8L,  1e9L,  1e10L, 1e11L, 1e12L, 1e13L,
    1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L, 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};

static const uint64_t TENS[8] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};

typedef struct {
    Py_ssize_t index; /* in the buffer */
    const char *start, *end;
} Hard;

typedef struct {
    const char *at, *end; /* of the text */
    double *out;
    Py_ssize_t count, room; /* numbers read, and how many fit */
    Py_ssize_t shape[DEEPEST];
    int dimensions;
    int whole; /* whether all are integers that a double holds exactly */
    Hard *hard;
    Py_ssize_t hard_count, hard_room;
} Reader;

static inline int is_digit(char c) { return (unsigned char)(c - '0') < 10; }

static inline void skip_space(Reader *r) {
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t')) r->at++;
}

/* The number that eight bytes with the values of digits make, the first being the lowest byte. */
static inline uint64_t join_digits(uint64_t v) {
    v = v * 10 + (v >> 8);
    return ((v & 0x000000FF000000FFULL) * 0x000F424000000064ULL + ((v >> 16) & 0x000000FF000000FFULL) * 0x0000271000000001ULL) >> 32;
}

/* Read digits into *m, up to eight at a time. They may overflow it: the caller counts them. */
static inline void read_digits(Reader *r, uint64_t *m) {
    while (r->end - r->at >= 8) {
        uint64_t v, others;
        memcpy(&v, r->at, 8);
        v ^= 0x3030303030303030ULL;
        others = (v | (v + 0x7676767676767676ULL)) & 0x8080808080808080ULL; /* its lowest bit: the first byte that is no digit */
        if (!others) {
            *m = *m * 100000000 + join_digits(v);
            r->at += 8;
            continue;
        }
        int length = __builtin_ctzll(others) / 8;
        if (length) *m = *m * TENS[length] + join_digits(v << (64 - 8 * length));
        r->at += length;
        return;
    }
    while (r->at < r->end && is_digit(*r->at)) *m = *m * 10 + (uint64_t)(*r->at++ - '0');
}

static int leave_for_later(Reader *r, const char *start) {
    if (r->hard_count == r->hard_room) {
        Py_ssize_t room = r->hard_room ? 2 * r->hard_room : 256;
        Hard *grown = PyMem_RawRealloc(r->hard, (size_t)room * sizeof(Hard));
        if (!grown) return 0;
        r->hard = grown;
        r->hard_room = room;
    }
    r->hard[r->hard_count++] = (Hard){r->count, start, r->at};
    return 1;
}

/* Set *value to m * 10^power; whether that is certain. */
static inline int to_double(uint64_t m, long power, double *value) {
    union {
        long double number;
        uint64_t mantissa;
    } exact;
    if (power < -LARGEST_POWER || power > LARGEST_POWER) return 0;
    exact.number = (long double)m;
    if (power < 0) exact.number /= POWERS[-power];
    if (power > 0) exact.number *= POWERS[power];
    *value = (double)exact.number;
    return (exact.mantissa & 0x7FF) != 0x400;
}

static int read_number(Reader *r) {
    const char *start = r->at, *digits;
    uint64_t m = 0;
    long power = 0, exponent = 0;
    Py_ssize_t length;
    int negative, negative_exponent, certain, integer = 1;
    double value = 0;

    negative = *r->at == '-';
    r->at += negative;
    digits = r->at;
    if (r->at == r->end || !is_digit(*r->at)) return 0;
    if (*r->at == '0')
        r->at++;
    else
        read_digits(r, &m);
    length = r->at - digits;
    if (r->at < r->end && *r->at == '.') {
        const char *fraction = ++r->at;
        read_digits(r, &m);
        if (r->at == fraction) return 0;
        length += r->at - fraction;
        if (r->at - fraction > 1000) return 0;
        power = -(long)(r->at - fraction);
        integer = 0;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        negative_exponent = r->at < r->end && *r->at == '-';
        if (r->at < r->end && (*r->at == '-' || *r->at == '+')) r->at++;
        if (r->at == r->end || !is_digit(*r->at)) return 0;
        while (r->at < r->end && is_digit(*r->at)) {
            if (exponent < 100000) exponent = exponent * 10 + (*r->at - '0');
            r->at++;
        }
        power += negative_exponent ? -exponent : exponent;
        integer = 0;
    }
    if (integer && !m) negative = 0; /* the integer -0 is 0; -0.0 stays */
    if (r->count == r->room) return 0;
    certain = length <= 19; /* more may overflow m; leading zeros count, too, which only costs time */
    if (!certain || !integer || m > EXACT_INTEGER) r->whole = 0;
    if (certain && m) certain = to_double(m, power, &value);
    if (!certain && !leave_for_later(r, start)) return 0;
    r->out[r->count++] = negative ? -value : value;
    return 1;
}

/* Read the array that begins at r->at; whether it was regular and nothing but numbers. */
static int read_array(Reader *r) {
    Py_ssize_t counts[DEEPEST];
    int depth = 0;
    for (;;) {
        skip_space(r);
        if (r->at == r->end) return 0;
        if (*r->at == '[') {
            if (depth == DEEPEST || (r->dimensions && depth == r->dimensions)) return 0;
            if (!r->dimensions) r->shape[depth] = -1;
            counts[depth++] = 0;
            r->at++;
            continue;
        }
        if (!r->dimensions) r->dimensions = depth;
        if (!depth || depth != r->dimensions || !read_number(r)) return 0;
        for (;;) {
            counts[depth - 1]++;
            skip_space(r);
            if (r->at == r->end) return 0;
            if (*r->at == ',') {
                r->at++;
                break;
            }
            if (*r->at != ']') return 0;
            r->at++;
            depth--;
            if (r->shape[depth] < 0) r->shape[depth] = counts[depth];
            if (r->shape[depth] != counts[depth]) return 0;
            if (!depth) return 1;
        }
    }
}

/* Let Python convert the numbers left for later; whether all of them are doubles. Needs the interpreter's lock. */
static int finish_hard(Reader *r) {
    for (Py_ssize_t i = 0; i < r->hard_count; i++) {
        char text[LONGEST_HARD + 1];
        size_t length = (size_t)(r->hard[i].end - r->hard[i].start);
        double value;
        if (length > LONGEST_HARD) return 0;
        memcpy(text, r->hard[i].start, length);
        text[length] = 0;
        value = PyOS_string_to_double(text, NULL, NULL);
        if (PyErr_Occurred()) {
            PyErr_Clear();
            return 0;
        }
        if (value - value != 0) return 0; /* too large for a double */
        r->out[r->hard[i].index] = value;
    }
    return 1;
}

PyDoc_STRVAR(read_doc,
"read(text, start, out) -> (end, shape, whole) | None\n\n"
"Read the regular array of JSON numbers that begins at an offset of a text into a writable buffer of doubles.\n\n"
"Returns the offset behind the array, its shape, and whether all numbers are integers that doubles hold exactly; None if it is\n"
"not such an array, or does not fit.");

static PyObject *read_method(PyObject *Py_UNUSED(module), PyObject *arguments) {
    Py_buffer text, out;
    Py_ssize_t start;
    PyObject *result = NULL;
    Reader r = {0};
    int good;

    if (!PyArg_ParseTuple(arguments, "y*nw*:read", &text, &start, &out)) return NULL;
    if (start >= 0 && start < text.len && !((uintptr_t)out.buf % sizeof(double))) {
        r.at = (const char *)text.buf + start;
        r.end = (const char *)text.buf + text.len;
        r.out = out.buf;
        r.room = out.len / (Py_ssize_t)sizeof(double);
        r.whole = 1;
        Py_BEGIN_ALLOW_THREADS
        good = *r.at == '[' && read_array(&r);
        Py_END_ALLOW_THREADS
        if (good && finish_hard(&r)) {
            PyObject *shape = PyTuple_New(r.dimensions);
            for (int i = 0; shape && i < r.dimensions; i++) PyTuple_SET_ITEM(shape, i, PyLong_FromSsize_t(r.shape[i]));
            if (shape) result = Py_BuildValue("nNO", (Py_ssize_t)(r.at - (const char *)text.buf), shape, r.whole ? Py_True : Py_False);
        }
        PyMem_RawFree(r.hard);
    }
    PyBuffer_Release(&text);
    PyBuffer_Release(&out);
    if (!result && !PyErr_Occurred()) Py_RETURN_NONE;
    return result;
}

static PyMethodDef methods[] = {{"read", read_method, METH_VARARGS, read_doc}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_numbers", NULL, 0, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__numbers(void) { return PyModule_Create(&definition); }
