using Mica.Oci;

namespace Mica.Runtime;

/// <summary>Turns limits into the <c>resources</c> of a <c>config.json</c>.</summary>
internal static class ConfigLimits
{
    private const ulong DefaultPeriod = 100_000;
    private const long LeastMemory = 6 << 20;

    /// <param name="limits">What is asked for.</param>
    /// <param name="isolation">Says what it may do with devices.</param>
    /// <param name="rules">For the devices that it gets.</param>
    public static ConfigResources Of(ResourceLimits limits, IsolationSpec isolation, List<ConfigDeviceRule> rules) => new()
    {
        Devices = isolation.IsPrivileged
            ? [new ConfigDeviceRule(Allow: true, "rwm")] : [.. OrdinaryDevices(), .. rules, .. isolation.DeviceRules.Select(ParseRule)],
        Memory = Memory(limits),
        Pids = limits.Pids is { } pids ? new ConfigPids(pids <= 0 ? -1 : pids) : null,
        Cpu = Cpu(limits),
        BlockIO = BlockIO(limits),
    };

    /// <summary>Any node may be made, as packages do; those that may be opened (null, tty and the like) the runtime adds.</summary>
    private static List<ConfigDeviceRule> OrdinaryDevices() =>
    [
        new(Allow: false, "rwm"),
        new(Allow: true, "m") { Type = "c" },
        new(Allow: true, "m") { Type = "b" },
    ];

    /// <summary><c>c 1:3 rwm</c>, with <c>*</c> for any number.</summary>
    private static ConfigDeviceRule ParseRule(string text)
    {
        string[] words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] numbers = words.Length == 3 ? words[1].Split(':') : [];
        return numbers.Length == 2 && words[0] is "a" or "b" or "c" && words[2].All(c => c is 'r' or 'w' or 'm')
            && TryNumber(numbers[0], out long? major) && TryNumber(numbers[1], out long? minor)
            ? new ConfigDeviceRule(Allow: true, words[2]) { Type = words[0], Major = major, Minor = minor }
            : throw new MicaException(ErrorKind.InvalidArgument, $"invalid device cgroup format '{Printable.Of(text)}'");
    }

    private static bool TryNumber(string text, out long? number)
    {
        number = null;
        if (text == "*")
        {
            return true;
        }

        bool isNumber = long.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out long value);
        number = value;
        return isNumber;
    }

    private static ConfigMemory? Memory(ResourceLimits limits)
    {
        if (limits.Memory is { } memory && memory < LeastMemory)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "minimum memory limit allowed is 6MB");
        }

        if (limits.MemorySwap is > 0 and var swap && (limits.Memory is null || swap < limits.Memory))
        {
            throw new MicaException(ErrorKind.InvalidArgument, limits.Memory is null
                ? "you should always set the memory limit when using the memory-swap limit"
                : "minimum memory-swap limit should be larger than memory limit");
        }

        if (limits.MemoryReservation is { } reservation && reservation > limits.Memory)
        {
            throw new MicaException(ErrorKind.InvalidArgument, "minimum memory limit can not be less than memory reservation limit");
        }

        return limits is { Memory: null, MemorySwap: null, MemoryReservation: null, Swappiness: null, OutOfMemoryKillDisabled: false } ? null : new ConfigMemory
        {
            Limit = limits.Memory,

            // As much swap as memory, unless told otherwise; a kernel without swap accounting ignores it.
            Swap = limits.MemorySwap ?? 2 * limits.Memory,
            Reservation = limits.MemoryReservation,
            Swappiness = limits.Swappiness,
            DisableOOMKiller = limits.OutOfMemoryKillDisabled ? true : null,
        };
    }

    private static ConfigCpu? Cpu(ResourceLimits limits)
    {
        if (limits.Cpus is { } cpus && (cpus <= 0 || cpus > Environment.ProcessorCount))
        {
            throw new MicaException(
                ErrorKind.InvalidArgument,
                $"range of CPUs is from 0.01 to {Environment.ProcessorCount}.00, as there are only {Environment.ProcessorCount} CPUs available");
        }

        ulong? period = limits.CpuPeriod ?? (limits.Cpus is null ? null : DefaultPeriod);
        return limits is { Cpus: null, CpuQuota: null, CpuPeriod: null, CpuShares: null, CpuSet: null, MemoryNodes: null } ? null : new ConfigCpu
        {
            Quota = limits.Cpus is { } count ? (long)(count * (period ?? DefaultPeriod)) : limits.CpuQuota,
            Period = period,
            Shares = limits.CpuShares,
            Cpus = limits.CpuSet,
            Mems = limits.MemoryNodes,
        };
    }

    private static ConfigBlockIO? BlockIO(ResourceLimits limits)
    {
        List<ConfigBlockRate>? Rates(BlockLimitKind kind)
        {
            List<ConfigBlockRate> rates = [.. limits.BlockLimits.Where(limit => limit.Kind == kind).Select(limit =>
            {
                (long major, long minor) = HostDevices.NumbersOf(limit.Device);
                return kind == BlockLimitKind.Weight
                    ? new ConfigBlockRate(major, minor) { Weight = limit.Rate } : new ConfigBlockRate(major, minor) { Rate = limit.Rate };
            })];
            return rates.Count == 0 ? null : rates;
        }

        return limits.BlockWeight is null && limits.BlockLimits.IsEmpty ? null : new ConfigBlockIO
        {
            Weight = limits.BlockWeight,
            WeightDevice = Rates(BlockLimitKind.Weight),
            ThrottleReadBpsDevice = Rates(BlockLimitKind.ReadBytes),
            ThrottleWriteBpsDevice = Rates(BlockLimitKind.WriteBytes),
            ThrottleReadIOPSDevice = Rates(BlockLimitKind.ReadOperations),
            ThrottleWriteIOPSDevice = Rates(BlockLimitKind.WriteOperations),
        };
    }
}
