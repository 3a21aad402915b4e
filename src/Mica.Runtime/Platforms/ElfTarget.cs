using System.Buffers.Binary;
using System.Collections.Frozen;

namespace Mica.Runtime;

/// <summary>How programs of an architecture begin. elf(5).</summary>
/// <param name="Is64Bit">The class.</param>
/// <param name="IsBigEndian">The order of bytes.</param>
/// <param name="Machine">The value of <c>e_machine</c>.</param>
internal sealed record ElfTarget(bool Is64Bit, bool IsBigEndian, ushort Machine)
{
    private const int HeaderSize32 = 52;
    private const int ProgramHeaderSize32 = 32;

    /// <summary>By Go's names of architectures.</summary>
    private static readonly FrozenDictionary<string, ElfTarget> s_known = new Dictionary<string, ElfTarget>(StringComparer.Ordinal)
    {
        ["386"] = new(false, false, 3),
        ["amd64"] = new(true, false, 62),
        ["arm"] = new(false, false, 40),
        ["arm64"] = new(true, false, 183),
        ["loong64"] = new(true, false, 258),
        ["mips"] = new(false, true, 8),
        ["mipsle"] = new(false, false, 8),
        ["mips64"] = new(true, true, 8),
        ["mips64le"] = new(true, false, 8),
        ["ppc64"] = new(true, true, 21),
        ["ppc64le"] = new(true, false, 21),
        ["riscv64"] = new(true, false, 243),
        ["s390x"] = new(true, true, 22),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>Null for an architecture that we do not know.</summary>
    public static ElfTarget? Find(string architecture) => s_known.GetValueOrDefault(architecture);

    /// <summary>The first 20 bytes of a program: identification, type, machine.</summary>
    public byte[] Head()
    {
        byte[] head = [0x7f, (byte)'E', (byte)'L', (byte)'F', (byte)(Is64Bit ? 2 : 1), (byte)(IsBigEndian ? 2 : 1), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        if (IsBigEndian)
        {
            BinaryPrimitives.WriteUInt16BigEndian(head.AsSpan(16), 2); // ET_EXEC
            BinaryPrimitives.WriteUInt16BigEndian(head.AsSpan(18), Machine);
        }
        else
        {
            BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(16), 2);
            BinaryPrimitives.WriteUInt16LittleEndian(head.AsSpan(18), Machine);
        }

        return head;
    }

    /// <summary>A whole program that does nothing but end with 0, for the 32-bit architectures that 64-bit kernels may run; null for others.</summary>
    public byte[]? Program()
    {
        byte[]? code = Machine switch
        {
            3 => [0x31, 0xdb, 0xb8, 1, 0, 0, 0, 0xcd, 0x80], // xor ebx,ebx; mov eax,1; int 0x80
            40 => [0x00, 0x00, 0xa0, 0xe3, 0x01, 0x70, 0xa0, 0xe3, 0x00, 0x00, 0x00, 0xef], // mov r0,#0; mov r7,#1; svc 0
            _ => null,
        };
        if (code is null)
        {
            return null;
        }

        const uint address = 0x10000;
        const int start = HeaderSize32 + ProgramHeaderSize32;
        byte[] file = new byte[start + code.Length];
        Head().CopyTo(file, 0);
        Span<byte> header = file;
        uint flags = Machine == 40 ? 0x05000000u : 0; // EABI version 5
        Write(header, 20, 1u, address + start, HeaderSize32, 0, flags);
        BinaryPrimitives.WriteUInt16LittleEndian(header[40..], HeaderSize32);
        BinaryPrimitives.WriteUInt16LittleEndian(header[42..], ProgramHeaderSize32);
        BinaryPrimitives.WriteUInt16LittleEndian(header[44..], 1);

        // PT_LOAD of the whole file, to be read and run.
        Write(header, HeaderSize32, 1u, 0, address, address, (uint)file.Length, (uint)file.Length, 5, 0x1000);
        code.CopyTo(file, start);
        return file;
    }

    private static void Write(Span<byte> target, int offset, params ReadOnlySpan<uint> words)
    {
        foreach (uint word in words)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(target[offset..], word);
            offset += sizeof(uint);
        }
    }
}
