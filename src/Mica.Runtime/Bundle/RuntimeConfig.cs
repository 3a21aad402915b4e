using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mica.Runtime;

/// <summary>A bundle's <c>config.json</c>, as far as we write it. OCI runtime-spec v1.0, config.md.</summary>
internal sealed record RuntimeConfig(string OciVersion, ConfigProcess Process, ConfigRoot Root, string? Hostname, List<ConfigMount> Mounts, ConfigLinux Linux)
{
    public string? Domainname { get; init; }

    public IReadOnlyDictionary<string, string>? Annotations { get; init; }
}

internal sealed record ConfigRoot(string Path, bool Readonly);

internal sealed record ConfigMount(string Destination, string Type, string Source, List<string> Options);

internal sealed record ConfigProcess(bool Terminal, ConfigUser User, IReadOnlyList<string> Args, IReadOnlyList<string> Env, string Cwd)
{
    public ConfigCapabilities? Capabilities { get; init; }

    public List<ConfigRlimit>? Rlimits { get; init; }

    public bool? NoNewPrivileges { get; init; }

    public string? ApparmorProfile { get; init; }

    public string? SelinuxLabel { get; init; }

    public int? OomScoreAdj { get; init; }
}

internal sealed record ConfigUser(uint Uid, uint Gid, IReadOnlyList<uint>? AdditionalGids);

internal sealed record ConfigCapabilities(IReadOnlyList<string> Bounding, IReadOnlyList<string> Effective, IReadOnlyList<string> Permitted);

internal sealed record ConfigRlimit(string Type, ulong Soft, ulong Hard);

internal sealed record ConfigLinux(List<ConfigNamespace> Namespaces)
{
    public string? CgroupsPath { get; init; }

    public ConfigResources? Resources { get; init; }

    public List<ConfigDevice>? Devices { get; init; }

    public ConfigSeccomp? Seccomp { get; init; }

    public IReadOnlyList<string>? MaskedPaths { get; init; }

    public IReadOnlyList<string>? ReadonlyPaths { get; init; }

    public IReadOnlyDictionary<string, string>? Sysctl { get; init; }
}

internal sealed record ConfigNamespace(string Type, string? Path = null);

internal sealed record ConfigDevice(string Path, string Type, long Major, long Minor, uint FileMode, uint Uid, uint Gid);

internal sealed record ConfigResources
{
    public List<ConfigDeviceRule>? Devices { get; init; }

    public ConfigMemory? Memory { get; init; }

    public ConfigPids? Pids { get; init; }

    public ConfigCpu? Cpu { get; init; }

    public ConfigBlockIO? BlockIO { get; init; }
}

internal sealed record ConfigDeviceRule(bool Allow, string Access)
{
    public string? Type { get; init; }

    public long? Major { get; init; }

    public long? Minor { get; init; }
}

internal sealed record ConfigMemory
{
    public long? Limit { get; init; }

    public long? Swap { get; init; }

    public long? Reservation { get; init; }

    public ulong? Swappiness { get; init; }

    public bool? DisableOOMKiller { get; init; }
}

internal sealed record ConfigPids(long Limit);

internal sealed record ConfigCpu
{
    public long? Quota { get; init; }

    public ulong? Period { get; init; }

    public ulong? Shares { get; init; }

    public string? Cpus { get; init; }

    public string? Mems { get; init; }
}

internal sealed record ConfigBlockIO
{
    public ushort? Weight { get; init; }

    public List<ConfigBlockRate>? WeightDevice { get; init; }

    public List<ConfigBlockRate>? ThrottleReadBpsDevice { get; init; }

    public List<ConfigBlockRate>? ThrottleWriteBpsDevice { get; init; }

    public List<ConfigBlockRate>? ThrottleReadIOPSDevice { get; init; }

    public List<ConfigBlockRate>? ThrottleWriteIOPSDevice { get; init; }
}

internal sealed record ConfigBlockRate(long Major, long Minor)
{
    public ulong? Rate { get; init; }

    public ulong? Weight { get; init; }
}

internal sealed record ConfigSeccomp(string DefaultAction, IReadOnlyList<string>? Architectures, IReadOnlyList<ConfigSyscall> Syscalls)
{
    public uint? DefaultErrnoRet { get; init; }
}

internal sealed record ConfigSyscall(IReadOnlyList<string> Names, string Action, uint? ErrnoRet, IReadOnlyList<ConfigSyscallArgument>? Args);

internal sealed record ConfigSyscallArgument(uint Index, ulong Value, ulong? ValueTwo, string Op);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RuntimeConfig))]
[JsonSerializable(typeof(ConfigProcess))]
[JsonSerializable(typeof(ConfigResources))]
internal sealed partial class RuntimeConfigContext : JsonSerializerContext
{
    public static byte[] Write(RuntimeConfig config) => JsonSerializer.SerializeToUtf8Bytes(config, s_plain.RuntimeConfig);

    public static byte[] Write(ConfigProcess process) => JsonSerializer.SerializeToUtf8Bytes(process, s_plain.ConfigProcess);

    public static byte[] Write(ConfigResources resources) => JsonSerializer.SerializeToUtf8Bytes(resources, s_plain.ConfigResources);

    private static readonly RuntimeConfigContext s_plain = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
