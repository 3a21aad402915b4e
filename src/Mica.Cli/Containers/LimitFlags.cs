using System.CommandLine;
using System.Globalization;
using Mica.Cli.CommandLine;
using Mica.Oci;
using Mica.Runtime;

namespace Mica.Cli.Containers;

/// <summary>The options that limit what a container takes of the machine: of <c>run</c>, <c>create</c> and <c>update</c>.</summary>
internal sealed class LimitFlags
{
    private readonly Option<string?> _blockWeight;
    private readonly Option<string?> _cpuPeriod;
    private readonly Option<string?> _cpuQuota;
    private readonly Option<string?> _cpuShares;
    private readonly Option<string?> _cpus;
    private readonly Option<string?> _cpuSet;
    private readonly Option<string?> _cpuNodes;
    private readonly Option<string?> _memory;
    private readonly Option<string?> _memoryReservation;
    private readonly Option<string?> _memorySwap;
    private readonly Option<string?> _pids;

    public LimitFlags(Func<string, string?, string, string, Option<string?>> text)
    {
        _blockWeight = text("--blkio-weight", null, "uint16", "Block IO (relative weight), between 10 and 1000, or 0 to disable");
        _cpuPeriod = text("--cpu-period", null, "int", "Limit CPU CFS (Completely Fair Scheduler) period");
        _cpuQuota = text("--cpu-quota", null, "int", "Limit CPU CFS (Completely Fair Scheduler) quota");
        _cpuShares = text("--cpu-shares", "-c", "int", "CPU shares (relative weight)");
        _cpus = text("--cpus", null, "decimal", "Number of CPUs");
        _cpuSet = text("--cpuset-cpus", null, "string", "CPUs in which to allow execution (0-3, 0,1)");
        _cpuNodes = text("--cpuset-mems", null, "string", "MEMs in which to allow execution (0-3, 0,1)");
        _memory = text("--memory", "-m", "bytes", "Memory limit");
        _memoryReservation = text("--memory-reservation", null, "bytes", "Memory soft limit");
        _memorySwap = text("--memory-swap", null, "bytes", "Swap limit equal to memory plus swap: '-1' to enable unlimited swap");
        _pids = text("--pids-limit", null, "int", "Tune container pids limit (set -1 for unlimited)");
    }

    /// <summary><paramref name="before"/>, with what was given instead.</summary>
    public ResourceLimits Read(Invocation invocation, ResourceLimits before)
    {
        string? Value(Option<string?> option) => invocation.Value(option) is { Length: > 0 } text ? text : null;
        long? Size(Option<string?> option) => Value(option) is { } text ? text == "-1" ? -1 : ByteSize.Parse(text, option.Name) : null;
        return before with
        {
            BlockWeight = Number(Value(_blockWeight), _blockWeight.Name) is { } weight ? (ushort)Math.Clamp(weight, 0, 1000) : before.BlockWeight,
            CpuPeriod = (ulong?)Number(Value(_cpuPeriod), _cpuPeriod.Name) ?? before.CpuPeriod,
            CpuQuota = Number(Value(_cpuQuota), _cpuQuota.Name) ?? before.CpuQuota,
            CpuShares = (ulong?)Number(Value(_cpuShares), _cpuShares.Name) ?? before.CpuShares,
            Cpus = Value(_cpus) is { } cpus
                ? double.TryParse(cpus, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double count) ? count : throw Invalid(cpus, _cpus.Name)
                : before.Cpus,
            CpuSet = Value(_cpuSet) ?? before.CpuSet,
            MemoryNodes = Value(_cpuNodes) ?? before.MemoryNodes,
            Memory = Size(_memory) ?? before.Memory,
            MemoryReservation = Size(_memoryReservation) ?? before.MemoryReservation,
            MemorySwap = Size(_memorySwap) ?? before.MemorySwap,
            Pids = Number(Value(_pids), _pids.Name) ?? before.Pids,
        };
    }

    public static long? Number(string? text, string option) => text is null ? null
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number : throw Invalid(text, option);

    /// <summary><c>DEVICE:RATE</c>.</summary>
    public static IEnumerable<BlockLimit> Block(IEnumerable<string> given, BlockLimitKind kind, string option) => given.Select(text =>
    {
        int colon = text.LastIndexOf(':');
        string rate = text[(colon + 1)..];
        return colon > 0 && text.StartsWith("/dev/", StringComparison.Ordinal)
            ? new BlockLimit(kind, text[..colon], (ulong)(kind is BlockLimitKind.ReadBytes or BlockLimitKind.WriteBytes ? ByteSize.Parse(rate, option) : Number(rate, option)!.Value))
            : throw new MicaException(ErrorKind.InvalidArgument, $"bad format for {option}: {Printable.Of(text)} (DEVICE:RATE)");
    });

    private static MicaException Invalid(string text, string option) =>
        new(ErrorKind.InvalidArgument, $"invalid argument \"{Printable.Of(text)}\" for \"{option}\" flag");
}
