"""What stands in compiled code for `pointers.fork`; loaded only when something is compiled."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from mlp.engines.kernels import pointers, states
from mlp.engines.kernels.walk import START, STOP, WORDS

LONG, INT, BYTE = ir.IntType(64), ir.IntType(32), ir.IntType(8)
ALIGNED, LINE = 256, 16  # a part of at least 256 numbers begins at a multiple of 16: a line of the cache
CALL, PUSH, GLOBAL, THREAD, COUNT, MOST = range(6)  # places in the table of `teams`


@intrinsic
def fork(typing: Any, runtime: Any, function: Any, record: Any, anchor: Any, threads: Any) -> Any:
    """See `pointers`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, function, record, anchor, threads = arguments
        instruction = ir.FunctionType(ir.VoidType(), [record.type, anchor.type]).as_pointer()
        task = _task(builder.module, instruction, record.type, anchor.type)
        with builder.if_else(builder.icmp_signed("!=", table, LONG(0))) as (team, alone):
            with team:
                allowed = builder.sext(_call(builder, table, MOST, INT, []), LONG)
                fewer = builder.select(builder.icmp_signed("<", allowed, threads), allowed, threads)
                with builder.if_else(builder.icmp_signed(">", fewer, LONG(1))) as (several, one):
                    with several:
                        _fork(builder, task, arguments, fewer)
                    with one:
                        builder.call(builder.inttoptr(function, instruction), [record, anchor])
            with alone:
                builder.call(builder.inttoptr(function, instruction), [record, anchor])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, record, anchor, types.int64), generate


def _call(builder: Any, table: Any, place: int, result: Any, arguments: list[Any], variadic: int = -1) -> Any:
    """Call a function of the table; from the argument `variadic` on they are variable in number."""
    words = builder.inttoptr(table, LONG.as_pointer())
    address = builder.load(builder.gep(words, [LONG(place)]))
    fixed = [argument.type for argument in arguments[: variadic if variadic >= 0 else None]]
    kind = ir.FunctionType(result, fixed, var_arg=variadic >= 0)
    return builder.call(builder.inttoptr(address, kind.as_pointer()), arguments)


def _location(module: Any) -> Any:
    """Where in a source file a fork stands, as OpenMP wants to be told: nowhere."""
    name = "mlp_nowhere"
    if name in module.globals:
        return module.globals[name]
    text = cgutils.global_constant(
        module, "mlp_nowhere_text", cgutils.make_bytearray(b";unknown;unknown;0;0;;\0")
    )
    kind = ir.LiteralStructType([INT, INT, INT, INT, ir.IntType(8).as_pointer()])
    value = ir.Constant(kind, [INT(0), INT(2), INT(0), INT(0), text.bitcast(BYTE.as_pointer())])
    return cgutils.global_constant(module, name, value)


def _fork(builder: Any, task: Any, arguments: list[Any], threads: Any) -> None:
    location = _location(builder.module)
    table = arguments[0]
    number = _call(builder, table, GLOBAL, INT, [location])
    _call(builder, table, PUSH, ir.VoidType(), [location, number, builder.trunc(threads, INT)])
    shared = cgutils.alloca_once(builder, ir.LiteralStructType([value.type for value in arguments[:4]]))
    for k, value in enumerate(arguments[:4]):
        builder.store(value, builder.gep(shared, [INT(0), INT(k)]))
    place = builder.bitcast(shared, BYTE.as_pointer())
    code = builder.bitcast(task, BYTE.as_pointer())
    _call(builder, table, CALL, ir.VoidType(), [location, INT(1), code, place], variadic=3)


def _task(module: Any, instruction: Any, record: Any, anchor: Any) -> Any:
    """What each thread runs: its part of the work, with its own copy of the record."""
    name = "mlp_part_of_a_team"
    if name in module.globals:
        return module.globals[name]
    whole = ir.LiteralStructType([LONG, LONG, record, anchor])
    kind = ir.FunctionType(ir.VoidType(), [INT.as_pointer(), INT.as_pointer(), BYTE.as_pointer()])
    task = ir.Function(module, kind, name)
    task.linkage = "internal"
    builder = ir.IRBuilder(task.append_basic_block())
    copy = builder.alloca(LONG, WORDS)
    shared = builder.bitcast(task.args[2], whole.as_pointer())
    table, function, given, numbers = [builder.load(builder.gep(shared, [INT(0), INT(k)])) for k in range(4)]
    for k in range(WORDS):
        builder.store(builder.load(builder.gep(given, [LONG(k)])), builder.gep(copy, [LONG(k)]))
    thread = builder.sext(_call(builder, table, THREAD, INT, []), LONG)
    count = builder.sext(_call(builder, table, COUNT, INT, []), LONG)
    start, stop = [builder.load(builder.gep(given, [LONG(k)])) for k in (START, STOP)]

    def smaller(a: Any, b: Any) -> Any:
        return builder.select(builder.icmp_signed("<", a, b), a, b)

    def rounded_up(value: Any, unit: Any) -> Any:
        return builder.sdiv(builder.sub(builder.add(value, unit), LONG(1)), unit)

    part = rounded_up(builder.sub(stop, start), count)
    aligned = builder.mul(rounded_up(part, LONG(LINE)), LONG(LINE))
    part = builder.select(builder.icmp_signed(">=", part, LONG(ALIGNED)), aligned, part)
    begin = smaller(builder.add(start, builder.mul(part, thread)), stop)
    end = smaller(builder.add(begin, part), stop)
    builder.store(begin, builder.gep(copy, [LONG(START)]))
    builder.store(end, builder.gep(copy, [LONG(STOP)]))
    state = states.flush(builder)
    with builder.if_then(builder.icmp_signed("<", begin, end)):
        builder.call(builder.inttoptr(function, instruction), [copy, numbers])
    states.restore(builder, state)
    builder.ret_void()
    return task


IN_PLACE_OF: dict[Any, Any] = {pointers.fork: fork}
